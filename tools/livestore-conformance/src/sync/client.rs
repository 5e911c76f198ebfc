//! The suite's end of a connection, and events to push.

use super::Subject;
use crate::report::{Check, Miss};
use crate::suite::demand;
use livestore::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// Is set whenever the provider has something new.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
    is_ever_rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.is_ever_rung.store(true, Ordering::SeqCst);
        self.changed.notify_all();
    }
}

impl Bell {
    fn wait(&self, longest: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(rung, longest, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// A connection, driven as a leader drives it: it sleeps until it is woken.
pub(super) struct Client {
    connection: Box<dyn SyncConnection>,
    bell: Arc<Bell>,
    pub(super) backend_id: Option<BackendId>,
    patience: Duration,
}

impl Client {
    /// Connects without waiting for an answer.
    pub(super) fn dial<S: Subject>(subject: &S, backend: &S::Backend, store_id: &str) -> Result<Self, Miss> {
        static CLIENTS: AtomicU64 = AtomicU64::new(0);
        let client_id = format!("c{:05}", CLIENTS.fetch_add(1, Ordering::Relaxed) % 100_000);
        let target = SyncTarget::new(StoreId::new(store_id)?, &client_id);
        let bell = Arc::new(Bell::default());
        let connection = subject.provider(backend).connect(&target, Waker::from(Arc::clone(&bell)));
        Ok(Self { connection, bell, backend_id: None, patience: subject.patience() })
    }

    pub(super) fn connect<S: Subject>(subject: &S, backend: &S::Backend) -> Result<Self, Miss> {
        Self::connect_to(subject, backend, "main")
    }

    pub(super) fn connect_to<S: Subject>(subject: &S, backend: &S::Backend, store_id: &str) -> Result<Self, Miss> {
        let mut client = Self::dial(subject, backend, store_id)?;
        let first = client.next("the connection")?;
        demand!(first == SyncMessage::Connected, "the first message is {first:?}");
        Ok(client)
    }

    pub(super) fn send(&mut self, request: SyncRequest) {
        self.connection.send(request);
    }

    /// Forgets all wakings so far.
    pub(super) fn hush(&mut self) {
        self.bell.is_ever_rung.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_woken(&self) -> bool {
        self.bell.is_ever_rung.load(Ordering::SeqCst)
    }

    /// What is there now. That bytes move may be said at any time, and answers nothing.
    pub(super) fn receive(&mut self) -> Option<SyncMessage> {
        loop {
            match self.connection.receive() {
                Some(SyncMessage::Moving) => {}
                message => return message,
            }
        }
    }

    pub(super) fn next(&mut self, what: &str) -> Result<SyncMessage, Miss> {
        let deadline = Instant::now() + self.patience;
        while Instant::now() < deadline {
            if let Some(message) = self.receive() {
                return Ok(message);
            }
            self.bell.wait(deadline.saturating_duration_since(Instant::now()));
        }
        Err(Miss::Failed(format!("{what} did not come, or nobody was woken for it")))
    }

    pub(super) fn next_page(&mut self) -> Result<SyncPage, Miss> {
        match self.next("a page")? {
            SyncMessage::Page(page) => {
                self.backend_id = Some(page.backend_id.clone());
                Ok(page)
            }
            other => Err(Miss::Failed(format!("{other:?} came and not a page"))),
        }
    }

    pub(super) fn ask(&mut self, after: u64, live: bool) {
        self.send(SyncRequest::Pull { after, backend_id: self.backend_id.clone(), live });
    }

    /// All pages after a number, up to the one that says that it is the last.
    pub(super) fn pull(&mut self, after: u64) -> Result<Vec<SyncPage>, Miss> {
        self.ask(after, false);
        self.rest(after)
    }

    pub(super) fn pull_live(&mut self, after: u64) -> Result<Vec<SyncPage>, Miss> {
        self.ask(after, true);
        self.rest(after)
    }

    fn rest(&mut self, mut after: u64) -> Result<Vec<SyncPage>, Miss> {
        let mut pages: Vec<SyncPage> = Vec::new();
        loop {
            let page = self.next_page()?;
            after = check_chain(after, &page.events)?;
            let is_same = pages.last().is_none_or(|before| before.backend_id == page.backend_id);
            demand!(is_same, "backend `{}` goes on with the pages of another", page.backend_id);
            let is_last = page.info == PageInfo::Last;
            demand!(is_last || !page.events.is_empty(), "an empty page says that more follows");
            pages.push(page);
            if is_last {
                return Ok(pages);
            }
        }
    }

    /// Live pages until the log is known up to a number.
    pub(super) fn follow(&mut self, after: u64, until: u64) -> Result<Vec<SyncEvent>, Miss> {
        let mut events: Vec<SyncEvent> = Vec::new();
        while events.last().map_or(after, |event| event.number) < until {
            let page = self.next_page()?;
            check_chain(events.last().map_or(after, |event| event.number), &page.events)?;
            events.extend(page.events);
        }
        Ok(events)
    }

    /// The answer to a push. Pages that come before it are kept for nobody: the caller does not pull live.
    pub(super) fn push(&mut self, events: &[SyncEvent]) -> Result<SyncMessage, Miss> {
        self.send(SyncRequest::Push { backend_id: self.backend_id.clone(), events: events.to_vec() });
        self.next("the answer to a push")
    }

    pub(super) fn push_well(&mut self, events: &[SyncEvent]) -> Check {
        let answer = self.push(events)?;
        demand!(
            answer == SyncMessage::Pushed,
            "{} events after e{} were answered by {answer:?}",
            events.len(),
            events[0].parent
        );
        Ok(())
    }
}

fn check_chain(after: u64, events: &[SyncEvent]) -> Result<u64, Miss> {
    let mut last = after;
    for event in events {
        demand!(
            event.number == last + 1 && event.parent == last,
            "e{} on e{} came after e{last}",
            event.number,
            event.parent
        );
        last = event.number;
    }
    Ok(last)
}

pub(super) fn events_of(pages: Vec<SyncPage>) -> Vec<SyncEvent> {
    pages.into_iter().flat_map(|page| page.events).collect()
}

/// Events after a number, in commit groups of this size, each with a new id and so many bytes of args.
pub(super) fn events(after: u64, number: u64, group: u64, bytes: usize) -> Vec<SyncEvent> {
    static IDS: AtomicU64 = AtomicU64::new(1);
    let make = |index: u64| {
        let id = format!("{:032x}", IDS.fetch_add(1, Ordering::Relaxed));
        // As JSON is written everywhere: the original's backend writes it anew.
        let args = format!("{{\"at\":{index},\"text\":\"{}\"}}", "x".repeat(bytes));
        SyncEvent {
            number: after + index + 1,
            parent: after + index,
            name: "v1.Stepped".into(),
            args: Some(args.into()),
            client_id: "client".into(),
            session_id: "session".into(),
            id: id.parse().ok(),
            rest: Some((group - 1 - index % group) as u32),
        }
    };
    (0..number).map(make).collect()
}

/// What a backend may not change, whatever it keeps.
pub(super) fn payloads(events: &[SyncEvent]) -> Vec<(u64, &str, Option<&str>)> {
    events.iter().map(|event| (event.number, event.name.as_str(), event.args.as_deref())).collect()
}
