//! Between a store's leader and a connection's thread: neither waits for the other inside a call.

use livestore::{SyncConnection, SyncError, SyncMessage, SyncRequest};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// The most requests that the thread has not taken; a store has a handful under way.
const REQUESTS_MAX: usize = 64;

/// With so many pages waiting for the store no more is read: the backend waits, and its data stays in the network.
const PAGES_MAX: usize = 4;

/// After how long without a word the store is told that something moves.
const MOVES_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Mailbox {
    state: Mutex<State>,
    changed: Condvar,
    /// Wakes the store.
    store: Waker,
    /// Wakes a thread that waits for a socket.
    bell: Option<mio::Waker>,
}

#[derive(Default)]
struct State {
    requests: VecDeque<SyncRequest>,
    messages: VecDeque<SyncMessage>,
    pages_waiting: usize,
    pages_taken: usize,
    /// When the store was told something last.
    told_at: Option<Instant>,
    /// Nothing is told any more.
    is_over: bool,
    /// The store's end is gone.
    is_dropped: bool,
}

/// Whether more pages may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// The store took some; [`Mailbox::take_pages`] tells.
    ToBeTaken,
    /// The store has enough for now.
    Full,
}

impl Mailbox {
    pub(crate) fn new(store: Waker, bell: Option<mio::Waker>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Condvar::new(), store, bell })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.changed.notify_all();
        if let Some(Err(error)) = self.bell.as_ref().map(mio::Waker::wake) {
            tracing::warn!(%error, "a connection's thread could not be woken");
        }
    }

    /// Tells the store something.
    pub(crate) fn post(&self, message: SyncMessage) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        state.pages_waiting += usize::from(matches!(message, SyncMessage::Page(_)));
        state.is_over = matches!(message, SyncMessage::Disconnected(_));
        state.told_at = Some(Instant::now());
        state.messages.push_back(message);
        drop(state);
        self.store.wake_by_ref();
    }

    /// Tells the store that a frame is on its way.
    pub(crate) fn moves(&self) {
        let now = Instant::now();
        {
            let mut state = self.state();
            // One that does not look is told no more often.
            let told_at = *state.told_at.get_or_insert(now);
            if now < told_at + MOVES_EVERY || state.messages.back() == Some(&SyncMessage::Moving) {
                return;
            }
        }
        self.post(SyncMessage::Moving);
    }

    /// Tells the store that it is over, unless it was told.
    pub(crate) fn end(&self, error: SyncError) {
        self.post(SyncMessage::Disconnected(error));
    }

    /// What the store asked for since it was last looked at.
    pub(crate) fn take_requests(&self) -> VecDeque<SyncRequest> {
        std::mem::take(&mut self.state().requests)
    }

    /// How many pages the store took since then.
    pub(crate) fn take_pages(&self) -> usize {
        std::mem::take(&mut self.state().pages_taken)
    }

    /// Whether the thread shall end.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.state();
        state.is_over || state.is_dropped
    }

    /// Whether there is room for a page.
    pub(crate) fn room(&self) -> Room {
        let state = self.state();
        if state.pages_waiting + state.pages_taken < PAGES_MAX {
            Room::Free
        } else if state.pages_taken > 0 {
            Room::ToBeTaken
        } else {
            Room::Full
        }
    }

    /// Waits until there is something to take, or until then; whether the thread shall end.
    pub(crate) fn wait(&self, until: Instant) -> bool {
        self.wait_while(until, |state| state.requests.is_empty())
    }

    /// Waits until the store has taken some pages, or until then; whether the thread shall end.
    pub(crate) fn wait_for_room(&self, until: Instant) -> bool {
        self.wait_while(until, |state| state.pages_waiting >= PAGES_MAX)
    }

    fn wait_while(&self, until: Instant, is_idle: impl Fn(&State) -> bool) -> bool {
        let mut state = self.state();
        while !state.is_over && !state.is_dropped && is_idle(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_over || state.is_dropped
    }
}

/// The store's end.
pub(crate) struct StoreEnd(pub(crate) Arc<Mailbox>);

impl SyncConnection for StoreEnd {
    fn send(&mut self, request: SyncRequest) {
        let mut state = self.0.state();
        if state.is_over {
            return; // The last message says so.
        }
        if state.requests.len() >= REQUESTS_MAX {
            drop(state);
            let reason = format!("{REQUESTS_MAX} requests wait to be sent");
            self.0.end(SyncError::Offline { reason });
        } else {
            state.requests.push_back(request);
            drop(state);
        }
        self.0.ring();
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        let mut state = self.0.state();
        let message = state.messages.pop_front()?;
        let is_page = matches!(message, SyncMessage::Page(_));
        if is_page {
            state.pages_waiting -= 1;
            state.pages_taken += 1;
        }
        drop(state);
        if is_page {
            self.0.ring();
        }
        Some(message)
    }
}

impl Drop for StoreEnd {
    fn drop(&mut self) {
        self.0.state().is_dropped = true;
        self.0.ring();
    }
}

/// The thread's end: however the thread ends, the store is told.
pub(crate) struct ThreadEnd(pub(crate) Arc<Mailbox>);

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        self.0.end(SyncError::Offline { reason: "the connection's thread ended".into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_asks_without_end_is_cut_off() {
        let mailbox = Mailbox::new(Waker::noop().clone(), None);
        let mut store = StoreEnd(Arc::clone(&mailbox));
        (0..REQUESTS_MAX).for_each(|_| store.send(SyncRequest::Ping));
        assert!(!mailbox.is_over());
        store.send(SyncRequest::Ping);
        assert!(mailbox.is_over());
        assert_eq!(mailbox.take_requests().len(), REQUESTS_MAX);
        assert!(matches!(store.receive(), Some(SyncMessage::Disconnected(SyncError::Offline { .. }))));
        mailbox.post(SyncMessage::Pong);
        assert_eq!(store.receive(), None, "an end comes last");
    }

    #[test]
    fn a_thread_that_panics_is_told() {
        let mailbox = Mailbox::new(Waker::noop().clone(), None);
        let mut store = StoreEnd(Arc::clone(&mailbox));
        let thread = std::thread::spawn(move || {
            let _end = ThreadEnd(mailbox);
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert!(matches!(store.receive(), Some(SyncMessage::Disconnected(_))));
    }
}
