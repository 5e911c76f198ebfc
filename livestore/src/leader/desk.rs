//! The desk between the sessions of a process and whoever serves them: the leader itself, or the line to a leader in
//! another process. Sessions leave submissions and requests, and read the status; they never wait for each other.

use super::pumped::Pumped;
use super::{LeaderState, LeaderStatus, Port, ReceiptSlot, StatePosition, Submission, SyncSetup};
use crate::crash::tunable;
use crate::error::{StorageError, StorageKind};
use crate::eventlog::{LogFilter, LogRow};
use crate::ids::JournalNonce;
use crate::sqlite::Db;
use crate::threads::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use crate::threads::{Condvar, Instant, Mutex, MutexGuard};
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

/// How the leader's thread paces itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaderOptions {
    /// After a batch the leader rests this long, so that the next one is worth its two transactions. Commits are safe
    /// before it comes, so nobody waits for it; a receipt that does cuts the rest short.
    pub(crate) linger: Duration,
    /// The log is synced after it was quiet for this long.
    pub(crate) sync_after: Duration,
    /// The most bytes of events that wait for the leader, from all sessions.
    pub(crate) inbox_bytes_max: usize,
    /// No thread: the application runs the steps.
    pub(crate) is_pumped: bool,
}

impl Default for LeaderOptions {
    fn default() -> Self {
        let linger = Duration::from_millis(tunable("LINGER_MS", 1));
        Self { linger, sync_after: Duration::from_millis(100), inbox_bytes_max: 64 << 20, is_pumped: false }
    }
}

/// Where an answer goes; whoever asked may be gone, and then it is dropped.
pub(crate) type Reply<T> = SyncSender<Result<T, StorageError>>;

/// What may be asked of the leader's thread.
pub(crate) enum Request {
    Attach {
        nonce: JournalNonce,
        port: Arc<Port>,
        reply: Reply<(Db, StatePosition)>,
    },
    Detach {
        nonce: JournalNonce,
    },
    Read {
        after: u64,
        filter: LogFilter,
        limit: usize,
        reply: Reply<Vec<LogRow>>,
    },
    Sync {
        reply: Reply<()>,
    },
    Export {
        what: Export,
        target: PathBuf,
        reply: Reply<()>,
    },
    /// Another process wants what follows `after`, and `seq` in the pending part, and all that comes.
    Feed {
        generation: u64,
        after: u64,
        seq: u64,
        port: Arc<Port>,
    },
    /// Somebody waits for the backend: no more waiting before a retry.
    HurrySync,
    /// There is a way to a backend now, see [`Desk::sync_setup`].
    StartSync {
        reply: Reply<()>,
    },
    /// A process went away: whatever its journals still hold is taken.
    TakeJournals,
}

/// Which database to export.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Export {
    Eventlog,
    State,
}

#[derive(Default)]
pub(super) struct Inbox {
    pub(super) submissions: VecDeque<Submission>,
    pub(super) bytes: usize,
    pub(super) requests: Vec<Request>,
    /// Somebody wants a sync and does not wait for it.
    pub(super) wants_sync: bool,
    pub(super) is_urgent: bool,
    pub(super) is_idle: bool,
    pub(super) is_stopping: bool,
    pub(super) stopped: Option<Arc<str>>,
}

/// What sessions left for whoever serves the desk.
pub(crate) struct Work {
    pub(crate) submissions: VecDeque<Submission>,
    pub(crate) requests: Vec<Request>,
    /// Somebody wants a sync and does not wait for it.
    pub(crate) wants_sync: bool,
    /// The last session is gone.
    pub(crate) is_stopping: bool,
}

pub(crate) struct Desk {
    pub(super) inbox: Mutex<Inbox>,
    pub(super) wake: Condvar,
    pub(super) status: Mutex<LeaderStatus>,
    status_changed: Condvar,
    /// The last ordinal of each attached session's journal that survives a power loss.
    pub(super) synced: Mutex<HashMap<JournalNonce, u64>>,
    /// Tasks that wait for the log to grow.
    wakers: Mutex<Vec<Waker>>,
    /// How this process syncs the store when it leads: what the first session that wants it brought.
    sync_setup: OnceLock<SyncSetup>,
    /// Runs the leader's steps, where no thread does.
    pumped: OnceLock<Weak<Pumped>>,
    pub(super) options: LeaderOptions,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(crate) fn new(options: LeaderOptions) -> Arc<Self> {
        Arc::new(Self {
            inbox: Mutex::default(),
            wake: Condvar::new(),
            status: Mutex::default(),
            status_changed: Condvar::new(),
            synced: Mutex::default(),
            wakers: Mutex::default(),
            sync_setup: OnceLock::new(),
            pumped: OnceLock::new(),
            options,
        })
    }

    /// A session wants the store synced so. The first that does decides.
    pub(crate) fn offer_sync(&self, setup: SyncSetup) -> Result<(), StorageError> {
        if self.sync_setup.set(setup).is_err() {
            return Ok(());
        }
        self.ask(|reply| Request::StartSync { reply })
    }

    /// The same before anybody serves the desk.
    pub(crate) fn set_sync(&self, setup: Option<SyncSetup>) {
        if let Some(setup) = setup {
            let _ = self.sync_setup.set(setup); // The first decides.
        }
    }

    pub(crate) fn sync_setup(&self) -> Option<SyncSetup> {
        self.sync_setup.get().cloned()
    }

    /// Hands a group over. The bound is checked by [`backlog`](Self::backlog) before the commit.
    pub(crate) fn submit(&self, submission: Submission) {
        let mut inbox = lock(&self.inbox);
        if let Some(reason) = &inbox.stopped {
            submission.slot.close(reason);
            return;
        }
        inbox.bytes += group_bytes(&submission);
        inbox.submissions.push_back(submission);
        // A resting leader comes by itself soon; only a sleeping one costs a system call to wake.
        if std::mem::take(&mut inbox.is_idle) {
            self.wake.notify_one();
        }
    }

    /// How many bytes wait, and how many may.
    pub(crate) fn backlog(&self) -> (usize, usize) {
        (lock(&self.inbox).bytes, self.options.inbox_bytes_max)
    }

    /// Why the leader ended, if it did.
    pub(crate) fn stopped(&self) -> Option<Arc<str>> {
        lock(&self.inbox).stopped.clone()
    }

    /// Registers a session and gives it a copy of the state; the feed goes on exactly where the copy ends.
    pub(crate) fn attach(&self, nonce: JournalNonce, port: Arc<Port>) -> Result<(Db, StatePosition), StorageError> {
        self.ask(|reply| Request::Attach { nonce, port, reply })
    }

    pub(crate) fn detach(&self, nonce: JournalNonce) {
        self.request(Request::Detach { nonce });
    }

    pub(crate) fn read(&self, after: u64, filter: LogFilter, limit: usize) -> Result<Vec<LogRow>, StorageError> {
        self.ask(|reply| Request::Read { after, filter, limit, reply })
    }

    /// Makes all that is on the log durable, and waits for it at most this long.
    pub(crate) fn sync(&self, wait_max: Duration) -> Result<(), StorageError> {
        self.ask_within(wait_max, |reply| Request::Sync { reply })
    }

    /// Asks for a sync and does not wait.
    pub(crate) fn hurry(&self) {
        let mut inbox = lock(&self.inbox);
        inbox.wants_sync = true;
        self.poke(&mut inbox);
    }

    pub(crate) fn export(&self, what: Export, target: PathBuf) -> Result<(), StorageError> {
        self.ask(|reply| Request::Export { what, target, reply })
    }

    pub(crate) fn status(&self) -> LeaderStatus {
        lock(&self.status).clone()
    }

    /// Waits until the log is longer than `place`, the leader ended, or the time is over.
    pub(crate) fn wait_past(&self, place: u64, timeout: Duration) -> bool {
        let status = lock(&self.status);
        let is_waiting =
            |status: &mut LeaderStatus| status.place <= place && !matches!(status.state, LeaderState::Stopped { .. });
        let waited = self.status_changed.wait_timeout_while(status, timeout, is_waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.place > place
    }

    /// Waits until the status is as wanted, the leader ended, or the time is over.
    pub(crate) fn wait_status(&self, timeout: Duration, is_wanted: impl Fn(&LeaderStatus) -> bool) -> bool {
        let is_waiting =
            |status: &mut LeaderStatus| !is_wanted(status) && !matches!(status.state, LeaderState::Stopped { .. });
        let waited = self.status_changed.wait_timeout_while(lock(&self.status), timeout, is_waiting);
        is_wanted(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Wakes the task when the status is as wanted, or the leader ends; perhaps before.
    pub(crate) fn wake_status(&self, is_wanted: impl Fn(&LeaderStatus) -> bool, waker: &Waker) {
        let mut wakers = lock(&self.wakers);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        drop(wakers);
        let status = lock(&self.status);
        if is_wanted(&status) || matches!(status.state, LeaderState::Stopped { .. }) {
            waker.wake_by_ref();
        }
    }

    /// The last ordinal of the journal that is in the log and survives a power loss.
    pub(crate) fn synced_ordinal(&self, nonce: JournalNonce) -> Option<u64> {
        lock(&self.synced).get(&nonce).copied()
    }

    pub(crate) fn request(&self, request: Request) {
        let mut inbox = lock(&self.inbox);
        if inbox.stopped.is_some() {
            return; // Dropping the request's reply tells whoever waits.
        }
        inbox.requests.push(request);
        self.poke(&mut inbox);
    }

    /// The leader's thread owns the wait: it answers, or its end drops the reply.
    fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StorageError> {
        self.ask_within(Duration::MAX, request)
    }

    fn ask_within<T>(&self, wait_max: Duration, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StorageError> {
        let (reply, answer) = sync_channel(1);
        self.request(request(reply));
        if let Some(pumped) = self.pumped.get().and_then(Weak::upgrade) {
            // Nobody else would answer.
            pumped.pump_again();
            let unanswered = || self.stopped().as_deref().unwrap_or("the leader is busy on this thread").to_owned();
            return answer
                .try_recv()
                .unwrap_or_else(|_| Err(StorageError { kind: StorageKind::Busy, path: None, message: unanswered() }));
        }
        answer.recv_timeout(wait_max).unwrap_or_else(|missed| {
            let message = match missed {
                RecvTimeoutError::Timeout => format!("the leader did not answer within {} ms", wait_max.as_millis()),
                RecvTimeoutError::Disconnected => self.stopped().as_deref().unwrap_or("the leader ended").to_owned(),
            };
            Err(StorageError { kind: StorageKind::Io, path: None, message })
        })
    }

    fn poke(&self, inbox: &mut Inbox) {
        inbox.is_urgent = true;
        inbox.is_idle = false;
        self.wake.notify_one();
    }

    pub(super) fn be_pumped_by(&self, pumped: &Arc<Pumped>) {
        let _ = self.pumped.set(Arc::downgrade(pumped)); // Once in the life of a desk.
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn is_pumped(&self) -> bool {
        self.options.is_pumped
    }

    /// Waits so long, or until somebody calls; or hands something over, where the leader said that it is idle.
    pub(super) fn sleep(&self, at_most: Duration, is_idle: bool) {
        let inbox = lock(&self.inbox);
        // Who hands something over to an idle leader takes the mark away.
        let is_asleep = |inbox: &mut Inbox| !inbox.is_urgent && !inbox.is_stopping && (!is_idle || inbox.is_idle);
        drop(self.wake.wait_timeout_while(inbox, at_most, is_asleep));
    }

    /// Wakes whoever serves the desk: something came from outside.
    pub(crate) fn nudge(&self) {
        self.poke(&mut lock(&self.inbox));
    }

    /// The last session is gone: whoever serves the desk ends when its work is done.
    pub(super) fn stop(&self) {
        let mut inbox = lock(&self.inbox);
        inbox.is_stopping = true;
        self.wake.notify_one();
    }

    /// What was left since the last call, waiting for it at most so long.
    pub(crate) fn work_within(&self, timeout: Duration) -> Work {
        let deadline = Instant::now() + timeout;
        let mut inbox = lock(&self.inbox);
        while inbox.submissions.is_empty() && inbox.requests.is_empty() && !inbox.is_urgent && !inbox.is_stopping {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inbox.is_idle = true;
            inbox = self.wake.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inbox.is_idle = false;
        inbox.is_urgent = false;
        Work {
            submissions: std::mem::take(&mut inbox.submissions),
            requests: std::mem::take(&mut inbox.requests),
            wants_sync: std::mem::take(&mut inbox.wants_sync),
            is_stopping: inbox.is_stopping,
        }
    }

    /// Submissions that now wait elsewhere, or are judged, no longer count.
    pub(crate) fn settle(&self, bytes: usize) {
        let mut inbox = lock(&self.inbox);
        inbox.bytes = inbox.bytes.saturating_sub(bytes);
    }

    /// Puts what was not taken back to the front: it waits before what came since.
    pub(crate) fn give_back(&self, mut submissions: VecDeque<Submission>, requests: Vec<Request>) {
        let mut inbox = lock(&self.inbox);
        submissions.append(&mut inbox.submissions);
        inbox.submissions = submissions;
        inbox.requests.splice(0..0, requests);
        inbox.is_urgent |= !inbox.requests.is_empty();
    }

    pub(crate) fn set_state(&self, state: LeaderState) {
        self.change_status(|status| status.state = state);
    }

    pub(crate) fn change_status(&self, change: impl FnOnce(&mut LeaderStatus)) {
        {
            let mut status = lock(&self.status);
            change(&mut status);
            status.version += 1;
        }
        self.status_changed.notify_all();
        let wakers = std::mem::take(&mut *lock(&self.wakers));
        wakers.into_iter().for_each(crate::callback::wake);
    }

    /// These ordinals, and all before them, survive a power loss.
    pub(crate) fn note_synced(&self, place: u64, seq: u64, taken: impl IntoIterator<Item = (JournalNonce, u64)>) {
        {
            let mut status = lock(&self.status);
            (status.synced_place, status.synced_seq) = (place, seq);
            status.version += 1;
        }
        lock(&self.synced).extend(taken);
        self.status_changed.notify_all();
    }

    /// Sessions were told something: what they show may be another now.
    pub(crate) fn note_told(&self) {
        self.change_status(|_| {});
    }

    pub(crate) fn forget_synced(&self, nonce: JournalNonce) {
        lock(&self.synced).remove(&nonce);
    }

    /// Nobody serves the desk any more.
    pub(super) fn close(&self, reason: &Arc<str>) {
        let mut inbox = lock(&self.inbox);
        // The first reason is the one to show.
        let reason = &Arc::clone(inbox.stopped.get_or_insert_with(|| Arc::clone(reason)));
        inbox.requests.clear();
        let lost = std::mem::take(&mut inbox.submissions);
        drop(inbox);
        lost.iter().for_each(|submission| submission.slot.close(reason));
        self.set_state(LeaderState::Stopped { reason: reason.to_string() });
    }
}

/// What comes from a backend wakes whoever serves the desk.
impl std::task::Wake for Desk {
    fn wake(self: Arc<Self>) {
        self.nudge();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.nudge();
    }
}

pub(crate) fn group_bytes(submission: &Submission) -> usize {
    submission.group.events.iter().map(|event| event.bytes() + 64).sum()
}

/// A submission of another process: its own side keeps the receipt.
pub(crate) fn foreign_submission(group: crate::event::CommitGroup) -> Submission {
    Submission { group: Arc::new(group), slot: Arc::new(ReceiptSlot::default()), is_foreign: true }
}
