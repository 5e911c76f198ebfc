//! The leader on a thread of its own: takes what sessions submit, in groups, and tells them what became of it.

use super::worker::Worker;
use super::{Leader, LeaderState, LeaderStatus, Port, StatePosition, Submission};
use crate::crash::tunable;
use crate::error::{OpenError, StorageError, StorageKind};
use crate::eventlog::{LogFilter, LogRow};
use crate::ids::JournalNonce;
use crate::sqlite::Db;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{JoinHandle, ThreadId};
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
}

impl Default for LeaderOptions {
    fn default() -> Self {
        let linger = Duration::from_millis(tunable("LINGER_MS", 1));
        Self { linger, sync_after: Duration::from_millis(100), inbox_bytes_max: 64 << 20 }
    }
}

/// How long the end of the last handle waits for the leader's thread. One that hangs in its disk is left behind then, and
/// keeps the directory locked until it ends.
const STOP_WAIT_MAX: Duration = Duration::from_secs(10);

/// What may be asked of the leader's thread.
pub(super) enum Request {
    Attach { nonce: JournalNonce, port: Arc<Port>, reply: SyncSender<Result<(Db, StatePosition), StorageError>> },
    Detach { nonce: JournalNonce },
    Read { after: u64, filter: LogFilter, limit: usize, reply: SyncSender<Result<Vec<LogRow>, StorageError>> },
    Sync { reply: SyncSender<Result<(), StorageError>> },
    Export { what: Export, target: PathBuf, reply: SyncSender<Result<(), StorageError>> },
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

pub(super) struct Shared {
    pub(super) inbox: Mutex<Inbox>,
    pub(super) wake: Condvar,
    pub(super) status: Mutex<LeaderStatus>,
    pub(super) status_changed: Condvar,
    /// The last ordinal of each attached session's journal that survives a power loss.
    pub(super) synced: Mutex<HashMap<JournalNonce, u64>>,
    /// Tasks that wait for the log to grow.
    pub(super) wakers: Mutex<Vec<Waker>>,
    pub(super) options: LeaderOptions,
    /// The thread is over, and with it everything that it held.
    pub(super) ended: Mutex<bool>,
    pub(super) has_ended: Condvar,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running leader. The last handle to go stops it, after it took all that was submitted.
pub(crate) struct LeaderHandle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: ThreadId,
    /// A shutdown ran out of time: the end of the handle does not wait once more.
    is_given_up: AtomicBool,
}

impl std::fmt::Debug for LeaderHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaderHandle").finish_non_exhaustive()
    }
}

impl LeaderHandle {
    /// Starts the thread. `keep` is held until the leader ended: the directory's lock.
    pub(crate) fn start(
        leader: Leader,
        options: LeaderOptions,
        keep: Box<dyn std::any::Any + Send>,
    ) -> Result<Self, OpenError> {
        let quarantined = leader.quarantined()?;
        let head = leader.log().head();
        let status = LeaderStatus {
            state: LeaderState::Running,
            head: head.number,
            place: head.place,
            synced_place: 0,
            quarantined,
            kept_aside: leader.kept_aside().to_vec(),
        };
        let shared = Arc::new(Shared {
            inbox: Mutex::default(),
            wake: Condvar::new(),
            status: Mutex::new(status),
            status_changed: Condvar::new(),
            synced: Mutex::default(),
            wakers: Mutex::default(),
            options,
            ended: Mutex::default(),
            has_ended: Condvar::new(),
        });
        let worker = Worker::new(Arc::clone(&shared), leader, keep);
        let thread = std::thread::Builder::new().name("livestore-leader".into()).spawn(move || worker.run()).map_err(
            |error| {
                OpenError::Storage(StorageError {
                    kind: StorageKind::Resources,
                    path: None,
                    message: format!("the leader's thread did not start: {error}"),
                })
            },
        )?;
        let thread_id = thread.thread().id();
        Ok(Self { shared, thread: Mutex::new(Some(thread)), thread_id, is_given_up: AtomicBool::new(false) })
    }

    /// Hands a group over. The bound is checked by [`room`](Self::room) before the commit.
    pub(crate) fn submit(&self, submission: Submission) {
        let mut inbox = lock(&self.shared.inbox);
        if let Some(reason) = &inbox.stopped {
            submission.slot.close(reason);
            return;
        }
        inbox.bytes += group_bytes(&submission);
        inbox.submissions.push_back(submission);
        // A resting leader comes by itself soon; only a sleeping one costs a system call to wake.
        if std::mem::take(&mut inbox.is_idle) {
            self.shared.wake.notify_one();
        }
    }

    /// How many bytes wait, and how many may.
    pub(crate) fn backlog(&self) -> (usize, usize) {
        (lock(&self.shared.inbox).bytes, self.shared.options.inbox_bytes_max)
    }

    /// Why the leader ended, if it did.
    pub(crate) fn stopped(&self) -> Option<Arc<str>> {
        lock(&self.shared.inbox).stopped.clone()
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
        let mut inbox = lock(&self.shared.inbox);
        (inbox.wants_sync, inbox.is_urgent, inbox.is_idle) = (true, true, false);
        self.shared.wake.notify_one();
    }

    /// The end of this handle will not wait for the thread: whoever ends it has waited already.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn export(&self, what: Export, target: PathBuf) -> Result<(), StorageError> {
        self.ask(|reply| Request::Export { what, target, reply })
    }

    pub(crate) fn status(&self) -> LeaderStatus {
        lock(&self.shared.status).clone()
    }

    /// Waits until the log is longer than `place`, the leader ended, or the time is over.
    pub(crate) fn wait_past(&self, place: u64, timeout: Duration) -> bool {
        let status = lock(&self.shared.status);
        let is_waiting =
            |status: &mut LeaderStatus| status.place <= place && !matches!(status.state, LeaderState::Stopped { .. });
        let waited = self.shared.status_changed.wait_timeout_while(status, timeout, is_waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.place > place
    }

    /// Wakes the task when the log grows past `place`, or the leader ends.
    pub(crate) fn wake_past(&self, place: u64, waker: &Waker) {
        let mut wakers = lock(&self.shared.wakers);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        drop(wakers);
        let status = lock(&self.shared.status);
        if status.place > place || matches!(status.state, LeaderState::Stopped { .. }) {
            waker.wake_by_ref();
        }
    }

    /// The last ordinal of the journal that is in the log and survives a power loss.
    pub(crate) fn synced_ordinal(&self, nonce: JournalNonce) -> Option<u64> {
        lock(&self.shared.synced).get(&nonce).copied()
    }

    fn request(&self, request: Request) {
        let mut inbox = lock(&self.shared.inbox);
        if inbox.stopped.is_some() {
            return; // Dropping the request's reply tells whoever waits.
        }
        inbox.requests.push(request);
        inbox.is_urgent = true;
        inbox.is_idle = false;
        self.shared.wake.notify_one();
    }

    /// The leader's thread owns the wait: it answers, or its end drops the reply.
    fn ask<T>(&self, request: impl FnOnce(SyncSender<Result<T, StorageError>>) -> Request) -> Result<T, StorageError> {
        self.ask_within(Duration::MAX, request)
    }

    fn ask_within<T>(
        &self,
        wait_max: Duration,
        request: impl FnOnce(SyncSender<Result<T, StorageError>>) -> Request,
    ) -> Result<T, StorageError> {
        let (reply, answer) = sync_channel(1);
        self.request(request(reply));
        answer.recv_timeout(wait_max).unwrap_or_else(|missed| {
            let message = match missed {
                RecvTimeoutError::Timeout => format!("the leader did not answer within {} ms", wait_max.as_millis()),
                RecvTimeoutError::Disconnected => self.stopped().as_deref().unwrap_or("the leader ended").to_owned(),
            };
            Err(StorageError { kind: StorageKind::Io, path: None, message })
        })
    }

    fn stop(&self) {
        lock(&self.shared.inbox).is_stopping = true;
        self.shared.wake.notify_one();
        let thread = lock(&self.thread).take();
        // The leader's own thread may hold the last handle; it then ends by itself.
        let Some(thread) = thread.filter(|_| std::thread::current().id() != self.thread_id) else { return };
        let wait_max = if self.is_given_up.load(Ordering::Relaxed) { Duration::ZERO } else { STOP_WAIT_MAX };
        let ended = lock(&self.shared.ended);
        let waited = self.shared.has_ended.wait_timeout_while(ended, wait_max, |ended| !*ended);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            let _ = thread.join(); // A panic was already turned into a status.
        } else {
            tracing::error!("the leader hangs and is left behind; what it did not take is in the journals");
        }
    }
}

impl Drop for LeaderHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(super) fn group_bytes(submission: &Submission) -> usize {
    submission.group.events.iter().map(|event| event.bytes() + 64).sum()
}
