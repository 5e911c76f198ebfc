//! A backend for figures: pages of a chosen size, and what it costs itself told apart.

use crate::clock::thread_cpu;
use livestore::{
    MemoryBackend, PageInfo, SyncConnection, SyncMessage, SyncPage, SyncProvider, SyncRequest, SyncTarget,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

/// [`MemoryBackend`] with smaller pages, which counts the CPU time that is spent inside it.
#[derive(Clone, Debug)]
pub struct Paged {
    /// The backend itself.
    pub backend: MemoryBackend,
    page: usize,
    spent: Arc<AtomicU64>,
}

impl Paged {
    /// An empty backend whose pages hold at most so many events.
    #[must_use]
    pub fn new(page: usize) -> Self {
        Self { backend: MemoryBackend::new(), page, spent: Arc::default() }
    }

    /// What was spent inside it so far, in seconds: it is not the store's.
    #[must_use]
    pub fn cpu(&self) -> f64 {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed)).as_secs_f64()
    }
}

impl SyncProvider for Paged {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let (page, spent) = (self.page, Arc::clone(&self.spent));
        Box::new(Connection { inner: self.backend.connect(target, wake), page, spent, ready: VecDeque::new() })
    }
}

struct Connection {
    inner: Box<dyn SyncConnection>,
    page: usize,
    spent: Arc<AtomicU64>,
    ready: VecDeque<SyncMessage>,
}

impl Connection {
    fn metered<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let start = thread_cpu();
        let done = work(self);
        self.spent.fetch_add((thread_cpu() - start).as_nanos() as u64, Ordering::Relaxed);
        done
    }
}

impl SyncConnection for Connection {
    fn send(&mut self, request: SyncRequest) {
        self.metered(|it| it.inner.send(request));
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        self.metered(|it| {
            if it.ready.is_empty() {
                match it.inner.receive()? {
                    SyncMessage::Page(page) => it.ready.extend(pieces(page, it.page).map(SyncMessage::Page)),
                    message => return Some(message),
                }
            }
            it.ready.pop_front()
        })
    }
}

/// The page in pieces. Only for groups of one event: it does not look where groups end.
fn pieces(page: SyncPage, size: usize) -> impl Iterator<Item = SyncPage> {
    let after = match page.info {
        PageInfo::More(more) => Some(more),
        PageInfo::Last => Some(0),
        PageInfo::MoreUnknown => None,
    };
    let SyncPage { backend_id, keeps_identity, mut events, head, info } = page;
    let mut made = Vec::new();
    loop {
        let rest = events.split_off(events.len().min(size));
        let info = match (rest.len() as u64, after) {
            (0, _) => info,
            (left, Some(after)) => PageInfo::More(left + after),
            (_, None) => PageInfo::MoreUnknown,
        };
        made.push(SyncPage { backend_id: backend_id.clone(), keeps_identity, events, info, head });
        if rest.is_empty() {
            return made.into_iter();
        }
        events = rest;
    }
}
