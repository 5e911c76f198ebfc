//! What a session and its leader share: a feed of judged groups one way, receipts the other.

use super::{Accepted, Dropped, Judged, News, Published, Restart, Verdict};
use crate::event::{CommitGroup, SequenceNumber};
use crate::sync::{Replaced, SyncStatus};
use crate::threads::{Condvar, Instant, Mutex, MutexGuard, deadline};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// The leader's end of a session: the session drains the feed at its next step.
#[derive(Debug, Default)]
pub(crate) struct Port {
    feed: Mutex<Feed>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Feed {
    news: VecDeque<News>,
    /// Groups of other sessions came: the session's worker applies them, if no commit does before.
    has_foreign: bool,
    bytes: usize,
    /// The place of the last group that was published here, or is in the copy that the session began with.
    place: u64,
    /// What the leader last took into its pending part, and was told here.
    seq: u64,
    /// For another process: up to where the log survives a power loss, where that is news.
    synced: Option<(u64, u64)>,
    /// For another process: how sync is doing, where that is news.
    sync_status: Option<Box<SyncStatus>>,
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
        if feed.closed.is_some() {
            return; // Nobody takes it any more.
        }
        // What the session has already comes again when leadership has moved.
        let place = feed.place;
        let news = || judged.iter().filter(|judged| judged.head.place > place);
        feed.has_foreign |= news().any(|judged| !is_own(&judged.group));
        feed.bytes += news().flat_map(|judged| &judged.group.events).map(|event| event.bytes() + 64).sum::<usize>();
        feed.news.extend(news().map(|judged| {
            News::Confirmed(Published {
                group: Arc::clone(&judged.group),
                place: judged.head.place,
                number: judged.head.number,
                verdict: judged.verdict.clone(),
                replaces: judged.group.was.map(|id| Replaced { id, events: 1 }),
            })
        }));
        feed.place = news().next_back().map_or(place, |last| last.head.place);
        if feed.has_foreign || feed.news.len() >= Self::FEED_WAKE {
            self.changed.notify_all();
        }
    }

    /// Tells of groups that the leader took into its pending part.
    pub(crate) fn accepted(&self, accepted: &[Accepted], is_own: impl Fn(&CommitGroup) -> bool) {
        let mut feed = self.feed();
        if feed.closed.is_some() {
            return;
        }
        let seq = feed.seq;
        let news = || accepted.iter().filter(|accepted| accepted.seq > seq);
        feed.has_foreign |= news().any(|accepted| !is_own(&accepted.group));
        feed.bytes += news().flat_map(|accepted| &accepted.group.events).map(|event| event.bytes() + 64).sum::<usize>();
        feed.news.extend(news().cloned().map(News::Accepted));
        feed.seq = news().next_back().map_or(seq, |last| last.seq);
        if feed.has_foreign || feed.news.len() >= Self::FEED_WAKE {
            self.changed.notify_all();
        }
    }

    /// Tells of a group that the backend will never take.
    pub(crate) fn dropped(&self, dropped: &Dropped) {
        let mut feed = self.feed();
        feed.news.push_back(News::Dropped(dropped.clone()));
        feed.has_foreign = true;
        self.changed.notify_all();
    }

    /// What was told is no longer so: the session begins again with this copy.
    pub(crate) fn restart(&self, restart: Restart) {
        let mut feed = self.feed();
        feed.news.clear(); // The copy and what follows it say all of it.
        (feed.place, feed.seq, feed.bytes, feed.has_foreign) = (restart.position.place, 0, 0, true);
        feed.news.push_back(News::Restart(Box::new(restart)));
        self.changed.notify_all();
    }

    pub(crate) fn note_sync_status(&self, status: &SyncStatus) {
        self.feed().sync_status = Some(Box::new(status.clone()));
        self.changed.notify_all();
    }

    /// Only what follows this place, and this count of what was pending, is published here.
    pub(crate) fn start_after(&self, place: u64, seq: u64) {
        let mut feed = self.feed();
        (feed.place, feed.seq) = (place, seq);
    }

    /// The last place, and the last of the pending part, that was published here.
    pub(crate) fn stands_at(&self) -> (u64, u64) {
        let feed = self.feed();
        (feed.place, feed.seq)
    }

    pub(crate) fn note_synced(&self, place: u64, seq: u64) {
        self.feed().synced = Some((place, seq));
        self.changed.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.feed().closed.is_some()
    }

    /// For another process: waits for news; `None` once the port is closed. Nothing at all when the time is over.
    pub(crate) fn news(&self, timeout: Duration) -> Option<Told> {
        let is_idle = |feed: &mut Feed| {
            feed.closed.is_none() && feed.news.is_empty() && feed.synced.is_none() && feed.sync_status.is_none()
        };
        let waited = self.changed.wait_timeout_while(self.feed(), timeout, is_idle);
        let mut feed = waited.unwrap_or_else(PoisonError::into_inner).0;
        if feed.closed.is_some() {
            return None;
        }
        feed.has_foreign = false;
        feed.bytes = 0;
        let news = std::mem::take(&mut feed.news);
        Some(Told { news, synced: feed.synced.take(), sync_status: feed.sync_status.take() })
    }

    /// How many bytes of events wait in the feed, about.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.feed().bytes
    }

    /// Everything published since the last call, in order.
    pub(crate) fn drain(&self) -> VecDeque<News> {
        let mut feed = self.feed();
        feed.has_foreign = false;
        feed.bytes = 0;
        std::mem::take(&mut feed.news)
    }

    /// Waits until there is something for the session's worker to do; false once the port is closed.
    pub(crate) fn wait(&self) -> bool {
        let feed = self.feed();
        let is_idle = |feed: &mut Feed| feed.closed.is_none() && !feed.has_foreign && feed.news.len() < Self::FEED_WAKE;
        let feed = self.changed.wait_while(feed, is_idle).unwrap_or_else(PoisonError::into_inner);
        feed.closed.is_none()
    }

    /// Ends the session's worker.
    pub(crate) fn close(&self, reason: &str) {
        self.feed().closed.get_or_insert_with(|| reason.into());
        self.changed.notify_all();
    }
}

/// What another process is told at once.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) news: VecDeque<News>,
    /// The place and the count of what was pending that survive a power loss: all news before is in it, or it is in the news.
    pub(crate) synced: Option<(u64, u64)>,
    pub(crate) sync_status: Option<Box<SyncStatus>>,
}

/// A group on its way to the leader, with the place where its outcome is written.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) group: Arc<CommitGroup>,
    pub(crate) slot: Arc<ReceiptSlot>,
    /// Of another process, which keeps it in its journal and hands it over again to whoever leads next.
    pub(crate) is_foreign: bool,
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
    /// A backend may still come and order it in another way.
    pub(crate) is_provisional: bool,
    pub(crate) durable: bool,
    /// Why it is not going to be confirmed; the first reason stands.
    pub(crate) over: Option<Over>,
    wakers: Vec<Waker>,
}

/// Why nothing more will be told of a commit.
#[derive(Clone, Debug)]
pub(crate) enum Over {
    /// The backend will never take it.
    Rejected(Arc<str>),
    /// The eventlog that held it was put aside for another backend's.
    KeptAside(Arc<str>),
    /// Nobody is left who could tell.
    Closed(Arc<str>),
}

impl SlotState {
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }
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
        wakers.into_iter().for_each(crate::callback::wake);
    }

    pub(crate) fn confirm(&self, number: SequenceNumber, verdict: &Verdict, is_provisional: bool) {
        self.change(|state| {
            state.confirmed = Some((number, verdict.clone()));
            state.is_provisional = is_provisional;
        });
    }

    pub(crate) fn reject(&self, reason: &Arc<str>) {
        self.end(Over::Rejected(Arc::clone(reason)));
    }

    pub(crate) fn keep_aside(&self, reason: &Arc<str>) {
        self.end(Over::KeptAside(Arc::clone(reason)));
    }

    pub(crate) fn set_durable(&self) {
        self.change(|state| state.durable = true);
    }

    pub(crate) fn close(&self, reason: &Arc<str>) {
        self.end(Over::Closed(Arc::clone(reason)));
    }

    fn end(&self, over: Over) {
        self.change(|state| {
            state.over.get_or_insert(over);
        });
    }

    /// Waits until `is_done` or the deadline; gives back whether it is done.
    pub(crate) fn wait(&self, timeout: Duration, is_done: impl Fn(&SlotState) -> bool) -> bool {
        let deadline = deadline(timeout);
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
