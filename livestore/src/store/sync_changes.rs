use super::inner::Inner;
use crate::callback::is_in_callback;
use crate::leader::LeaderHandle;
use crate::sync::SyncStatus;
use crate::threads::{Instant, deadline};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// How sync is doing, one status after the other: an iterator that waits, and a [`futures_core::Stream`].
///
/// It begins with the present status. A reader that is slower than the changes gets the latest and misses those between. It ends when
/// the store is closed. Inside a subscriber's callback it does not wait: there it ends where nothing is new.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: String }
/// # #[schema(events(Added))] pub struct App;
/// # #[materializers] impl App { fn added(_: Added) {} }
/// # fn main() -> Result<()> {
/// let store = Store::<App>::builder(memory(), "todos").sync(MemoryBackend::new()).open()?;
/// let live = store.sync_changes().find(|status| status.state == SyncState::Live);
/// assert!(live.is_some());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct SyncChanges {
    store: Weak<Inner>,
    last: Option<SyncStatus>,
}

/// What there was to see.
enum Look {
    New(Box<SyncStatus>),
    /// Nothing since this version of the leader's status.
    Nothing(Arc<LeaderHandle>, u64),
    Closed,
}

impl SyncChanges {
    pub(super) fn new(store: Weak<Inner>) -> Self {
        Self { store, last: None }
    }

    /// A status that is another than the last one, if it is.
    pub fn try_next(&mut self) -> Option<SyncStatus> {
        if let Look::New(status) = self.look() { Some(*status) } else { None }
    }

    /// The next status that is another, waiting for it; `None` when the time is over or the store is closed.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<SyncStatus> {
        let deadline = deadline(timeout);
        loop {
            let (leader, seen) = match self.look() {
                Look::New(status) => return Some(*status),
                Look::Nothing(leader, seen) => (leader, seen),
                Look::Closed => return None,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || is_in_callback() {
                return None;
            }
            // Short waits: the handle must not outlive the store by more than one of them.
            leader.wait_status(left.min(Duration::from_millis(200)), |status| status.version != seen);
        }
    }

    fn is_closed(&self) -> bool {
        let leader = self.store.upgrade().and_then(|store| store.leader().upgrade());
        leader.is_none_or(|leader| leader.stopped().is_some())
    }

    fn look(&mut self) -> Look {
        let Some(store) = self.store.upgrade() else { return Look::Closed };
        let Some(leader) = store.leader().upgrade().filter(|leader| leader.stopped().is_none()) else {
            return Look::Closed;
        };
        // The version first: what changes after it is looked at again.
        let seen = leader.status().version;
        let status = store.sync_status();
        if self.last.as_ref() == Some(&status) {
            return Look::Nothing(leader, seen);
        }
        self.last = Some(status.clone());
        Look::New(Box::new(status))
    }
}

impl Iterator for SyncChanges {
    type Item = SyncStatus;

    fn next(&mut self) -> Option<SyncStatus> {
        loop {
            match self.next_timeout(Duration::from_secs(3_600)) {
                None if !self.is_closed() && !is_in_callback() => {}
                next => return next,
            }
        }
    }
}

impl futures_core::Stream for SyncChanges {
    type Item = SyncStatus;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SyncStatus>> {
        match self.look() {
            Look::New(status) => Poll::Ready(Some(*status)),
            Look::Closed => Poll::Ready(None),
            Look::Nothing(leader, seen) => {
                leader.wake_status(|status| status.version != seen, context.waker());
                Poll::Pending
            }
        }
    }
}
