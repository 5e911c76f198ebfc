//! What a session and its leader share: a feed of judged groups one way, receipts the other.

use super::{Judged, Verdict};
use crate::event::{CommitGroup, SequenceNumber};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// A group that the leader published, in log order.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) group: Arc<CommitGroup>,
    /// The number of its last event.
    pub(crate) number: SequenceNumber,
}

/// The leader's end of a session: the session drains the feed at its next step.
#[derive(Debug, Default)]
pub(crate) struct Port {
    feed: Mutex<Feed>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Feed {
    groups: VecDeque<Published>,
    /// Groups of other sessions came: the session's worker applies them, if no commit does before.
    has_foreign: bool,
    closed: Option<Arc<str>>,
}

impl Port {
    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most groups that wait in a feed before the session's worker is woken for its own as well.
    const FEED_WAKE: usize = 1_024;

    pub(crate) fn publish(&self, judged: &[Judged], is_own: impl Fn(&CommitGroup) -> bool) {
        let mut feed = self.feed();
        feed.has_foreign |= judged.iter().any(|judged| !is_own(&judged.group));
        feed.groups.extend(
            judged.iter().map(|judged| Published { group: Arc::clone(&judged.group), number: judged.head.number }),
        );
        if feed.has_foreign || feed.groups.len() >= Self::FEED_WAKE {
            self.changed.notify_all();
        }
    }

    /// Everything published since the last call, in order.
    pub(crate) fn drain(&self) -> VecDeque<Published> {
        let mut feed = self.feed();
        feed.has_foreign = false;
        std::mem::take(&mut feed.groups)
    }

    /// Waits until there is something for the session's worker to do; false once the port is closed.
    pub(crate) fn wait(&self) -> bool {
        let feed = self.feed();
        let is_idle =
            |feed: &mut Feed| feed.closed.is_none() && !feed.has_foreign && feed.groups.len() < Self::FEED_WAKE;
        let feed = self.changed.wait_while(feed, is_idle).unwrap_or_else(PoisonError::into_inner);
        feed.closed.is_none()
    }

    /// Ends the session's worker.
    pub(crate) fn close(&self, reason: &str) {
        self.feed().closed.get_or_insert_with(|| reason.into());
        self.changed.notify_all();
    }
}

/// A group on its way to the leader, with the place where its outcome is written.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) group: Arc<CommitGroup>,
    pub(crate) slot: Arc<ReceiptSlot>,
}

/// Where the leader writes what became of a commit, and where its receipt looks.
#[derive(Debug, Default)]
pub(crate) struct ReceiptSlot {
    state: Mutex<SlotState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct SlotState {
    pub(crate) confirmed: Option<(SequenceNumber, Verdict)>,
    pub(crate) durable: bool,
    pub(crate) closed: Option<Arc<str>>,
    wakers: Vec<Waker>,
}

impl ReceiptSlot {
    pub(crate) fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut SlotState)) {
        let mut state = self.state();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn confirm(&self, number: SequenceNumber, verdict: &Verdict) {
        self.change(|state| state.confirmed = Some((number, verdict.clone())));
    }

    pub(crate) fn set_durable(&self) {
        self.change(|state| state.durable = true);
    }

    pub(crate) fn close(&self, reason: &Arc<str>) {
        self.change(|state| {
            state.closed.get_or_insert_with(|| Arc::clone(reason));
        });
    }

    /// Waits until `is_done` or the deadline; gives back whether it is done.
    pub(crate) fn wait(&self, timeout: Duration, is_done: impl Fn(&SlotState) -> bool) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        while !is_done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Wakes the task at the next change.
    pub(crate) fn wake_on_change(state: &mut SlotState, waker: &Waker) {
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
    }
}
