//! The leader on a thread of its own: takes what sessions submit, in groups, and tells them what became of it.

use super::{Judged, Leader, LeaderState, LeaderStatus, Port, ReceiptSlot, StatePosition, Submission};
use crate::crash::{crash_point, tunable};
use crate::error::{OpenError, StorageError, StorageKind};
use crate::eventlog::{LogFilter, LogRow};
use crate::ids::JournalNonce;
use crate::materialize::panic_message;
use crate::sqlite::Db;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

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

/// The most events in one pair of transactions.
const BATCH_EVENTS_MAX: usize = 2_000;
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// What may be asked of the leader's thread.
enum Request {
    Attach { nonce: JournalNonce, port: Arc<Port>, reply: SyncSender<Result<(Db, StatePosition), StorageError>> },
    Detach { nonce: JournalNonce },
    Read { after: u64, filter: LogFilter, limit: usize, reply: SyncSender<Result<Vec<LogRow>, StorageError>> },
    Sync { reply: Option<SyncSender<Result<(), StorageError>>> },
    Export { what: Export, target: PathBuf, reply: SyncSender<Result<(), StorageError>> },
}

/// Which database to export.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Export {
    Eventlog,
    State,
}

#[derive(Default)]
struct Inbox {
    submissions: Vec<Submission>,
    bytes: usize,
    requests: Vec<Request>,
    is_urgent: bool,
    is_idle: bool,
    is_stopping: bool,
    stopped: Option<Arc<str>>,
}

struct Shared {
    inbox: Mutex<Inbox>,
    wake: Condvar,
    status: Mutex<LeaderStatus>,
    status_changed: Condvar,
    /// The last ordinal of each attached session's journal that survives a power loss.
    synced: Mutex<HashMap<JournalNonce, u64>>,
    /// Tasks that wait for the log to grow.
    wakers: Mutex<Vec<Waker>>,
    options: LeaderOptions,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running leader. The last handle to go stops it, after it took all that was submitted.
pub(crate) struct LeaderHandle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: ThreadId,
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
        };
        let shared = Arc::new(Shared {
            inbox: Mutex::default(),
            wake: Condvar::new(),
            status: Mutex::new(status),
            status_changed: Condvar::new(),
            synced: Mutex::default(),
            wakers: Mutex::default(),
            options,
        });
        let worker = Worker {
            shared: Arc::clone(&shared),
            leader,
            ports: Vec::new(),
            taken: HashMap::new(),
            unsynced: Vec::new(),
            unsettled: Vec::new(),
            keep,
        };
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
        Ok(Self { shared, thread: Mutex::new(Some(thread)), thread_id })
    }

    /// Hands a group over. The bound is checked by [`room`](Self::room) before the commit.
    pub(crate) fn submit(&self, submission: Submission) {
        let mut inbox = lock(&self.shared.inbox);
        if let Some(reason) = &inbox.stopped {
            submission.slot.close(reason);
            return;
        }
        inbox.bytes += group_bytes(&submission);
        inbox.submissions.push(submission);
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

    /// Makes all that is on the log durable, and waits for it.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.ask(|reply| Request::Sync { reply: Some(reply) })
    }

    /// Asks for a sync and does not wait.
    pub(crate) fn hurry(&self) {
        self.request(Request::Sync { reply: None });
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
        lock(&self.shared.wakers).push(waker.clone());
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

    fn ask<T>(&self, request: impl FnOnce(SyncSender<Result<T, StorageError>>) -> Request) -> Result<T, StorageError> {
        let (reply, answer) = sync_channel(1);
        self.request(request(reply));
        answer.recv().unwrap_or_else(|_| {
            let reason = self.stopped().unwrap_or_else(|| "the leader ended".into());
            Err(StorageError { kind: StorageKind::Io, path: None, message: reason.to_string() })
        })
    }

    fn stop(&self) {
        lock(&self.shared.inbox).is_stopping = true;
        self.shared.wake.notify_one();
        let thread = lock(&self.thread).take();
        // The leader's own thread may hold the last handle; it then ends by itself.
        if let Some(thread) = thread.filter(|_| std::thread::current().id() != self.thread_id) {
            let _ = thread.join(); // A panic was already turned into a status.
        }
    }
}

impl Drop for LeaderHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

fn group_bytes(submission: &Submission) -> usize {
    submission.group.events.iter().map(|event| event.bytes() + 64).sum()
}

struct Worker {
    shared: Arc<Shared>,
    leader: Leader,
    ports: Vec<(JournalNonce, Arc<Port>)>,
    /// The last ordinal taken from each attached session's journal.
    taken: HashMap<JournalNonce, u64>,
    unsynced: Vec<Arc<ReceiptSlot>>,
    /// Submissions whose groups are on the log while state could not follow.
    unsettled: Vec<Submission>,
    /// Dropped last, when the databases are closed.
    keep: Box<dyn std::any::Any + Send>,
}

impl Worker {
    fn run(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.work()));
        let reason: Arc<str> = match ended {
            Ok(()) => "the store was shut down".into(),
            Err(panic) => format!("the leader panicked: {}", panic_message(&*panic)).into(),
        };
        self.close(&reason);
        let Self { leader, keep, .. } = self;
        drop(leader);
        drop(keep);
    }

    fn close(&mut self, reason: &Arc<str>) {
        let mut inbox = lock(&self.shared.inbox);
        inbox.stopped = Some(Arc::clone(reason));
        inbox.requests.clear();
        let lost = std::mem::take(&mut inbox.submissions);
        drop(inbox);
        lost.iter().for_each(|submission| submission.slot.close(reason));
        self.unsynced.iter().for_each(|slot| slot.close(reason));
        self.ports.iter().for_each(|(_, port)| port.close(reason));
        self.set_state(LeaderState::Stopped { reason: reason.to_string() });
    }

    fn set_state(&self, state: LeaderState) {
        lock(&self.shared.status).state = state;
        self.notify();
    }

    fn work(&mut self) {
        let mut retry: Option<Duration> = None;
        loop {
            let Some((submissions, requests)) = self.next_work(retry) else { return };
            match self.ingest(&submissions) {
                Ok(()) => {
                    if retry.take().is_some() {
                        self.set_state(LeaderState::Running);
                    }
                }
                Err(error) => {
                    let wait = retry.map_or(RETRY_FIRST, |wait| (wait * 2).min(RETRY_LAST));
                    retry = Some(wait);
                    tracing::warn!(%error, "the leader's step failed and is tried again");
                    self.set_state(LeaderState::Retrying { error, retry_in_ms: wait.as_millis() as u64 });
                }
            }
            requests.into_iter().for_each(|request| self.serve(request));
        }
    }

    /// Sleeps until there is something to do; `None` when the leader is to stop and nothing is left that it could take.
    fn next_work(&mut self, retry: Option<Duration>) -> Option<(Vec<Submission>, Vec<Request>)> {
        let rest = retry.unwrap_or(self.shared.options.linger);
        let mut inbox = lock(&self.shared.inbox);
        // Rest after the last batch; only a request or the end cuts it short.
        let rest_until = Instant::now() + rest;
        while !inbox.is_urgent && !inbox.is_stopping {
            let left = rest_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inbox = self.shared.wake.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let quiet_until = Instant::now() + self.shared.options.sync_after;
        while inbox.submissions.is_empty() && !inbox.is_urgent && !inbox.is_stopping && retry.is_none() {
            inbox.is_idle = true;
            if self.leader.log().head().place == lock(&self.shared.status).synced_place {
                inbox = self.shared.wake.wait(inbox).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let left = quiet_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(inbox);
                let _ = self.sync(); // Tried again after the next quiet time; a receipt that waits sees the error.
                inbox = lock(&self.shared.inbox);
                if self.leader.log().head().place != lock(&self.shared.status).synced_place {
                    break;
                }
                continue;
            }
            inbox = self.shared.wake.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inbox.is_idle = false;
        inbox.is_urgent = false;
        if inbox.is_stopping && (inbox.submissions.is_empty() || retry.is_some()) && inbox.requests.is_empty() {
            drop(inbox);
            let _ = self.sync(); // What could not be synced is still in the journals.
            return None;
        }
        Some((std::mem::take(&mut inbox.submissions), std::mem::take(&mut inbox.requests)))
    }

    /// Takes the submissions in batches; what was not taken goes back to the front of the inbox.
    fn ingest(&mut self, submissions: &[Submission]) -> Result<(), StorageError> {
        let mut rest = submissions;
        let mut result = self.finish_interrupted_step();
        while result.is_ok() && !rest.is_empty() {
            let (batch, later) = rest.split_at(batch_len(rest));
            let groups: Vec<_> = batch.iter().map(|submission| Arc::clone(&submission.group)).collect();
            let before = self.leader.log().head().place;
            match self.leader.ingest(&groups) {
                Ok(judged) => self.publish(&judged, batch),
                Err(error) => {
                    result = Err(error);
                    // On the log but not in state: the next try catches up, and must not append them again.
                    if self.leader.log().head().place != before {
                        self.unsettled.extend_from_slice(batch);
                        rest = later;
                    }
                    break;
                }
            }
            rest = later;
        }
        let taken = submissions.len() - rest.len();
        self.give_back(&submissions[taken..], &submissions[..taken]);
        result
    }

    fn give_back(&self, rest: &[Submission], taken: &[Submission]) {
        let mut inbox = lock(&self.shared.inbox);
        inbox.bytes -= taken.iter().map(group_bytes).sum::<usize>();
        if !rest.is_empty() {
            inbox.submissions.splice(0..0, rest.iter().cloned());
        }
    }

    fn finish_interrupted_step(&mut self) -> Result<(), StorageError> {
        if self.leader.is_in_step() {
            return Ok(());
        }
        let judged = self.leader.catch_up()?;
        let batch = std::mem::take(&mut self.unsettled);
        self.publish(&judged, &batch);
        Ok(())
    }

    /// Tells every session, the receipts, and whoever watches the status.
    fn publish(&mut self, judged: &[Judged], batch: &[Submission]) {
        for (nonce, port) in &self.ports {
            port.publish(judged, |group| group.nonce == *nonce);
        }
        for (judged, submission) in judged.iter().zip(batch) {
            self.taken.insert(judged.group.nonce, judged.group.last_ordinal());
            submission.slot.confirm(judged.head.number, &judged.verdict);
            // Nobody asks for the outcome of a receipt that was dropped.
            if Arc::strong_count(&submission.slot) > 1 {
                self.unsynced.push(Arc::clone(&submission.slot));
            }
        }
        let has_quarantined = judged.iter().any(|judged| judged.verdict != super::Verdict::Applied);
        let quarantined = has_quarantined.then(|| self.leader.quarantined());
        let head = self.leader.log().head();
        let mut status = lock(&self.shared.status);
        (status.head, status.place) = (head.number, head.place);
        if let Some(Ok(quarantined)) = quarantined {
            status.quarantined = quarantined;
        }
        drop(status);
        self.notify();
    }

    fn notify(&self) {
        self.shared.status_changed.notify_all();
        let wakers = std::mem::take(&mut *lock(&self.shared.wakers));
        wakers.into_iter().for_each(Waker::wake);
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.leader.sync()?;
        crash_point!("leader.after-sync");
        let place = self.leader.log().head().place;
        lock(&self.shared.status).synced_place = place;
        lock(&self.shared.synced).extend(&self.taken);
        self.shared.status_changed.notify_all();
        self.unsynced.drain(..).for_each(|slot| slot.set_durable());
        Ok(())
    }

    /// Whoever asked may be gone; an answer to nobody is dropped.
    fn serve(&mut self, request: Request) {
        match request {
            Request::Attach { nonce, port, reply } => {
                let copied = self.finish_interrupted_step().and_then(|()| self.leader.copy_state());
                if copied.is_ok() {
                    self.ports.push((nonce, port));
                }
                let _ = reply.send(copied);
            }
            Request::Detach { nonce } => {
                self.ports.retain(|(known, _)| *known != nonce);
                self.taken.remove(&nonce);
                lock(&self.shared.synced).remove(&nonce);
            }
            Request::Read { after, filter, limit, reply } => {
                let _ = reply.send(self.leader.log().rows_after(after, &filter, limit));
            }
            Request::Sync { reply } => {
                let synced = self.sync();
                if let Some(reply) = reply {
                    let _ = reply.send(synced);
                }
            }
            Request::Export { what, target, reply } => {
                let exported = match what {
                    Export::Eventlog => self.leader.export_log(&target),
                    Export::State => self.leader.export_state(&target),
                };
                let _ = reply.send(exported);
            }
        }
    }
}

/// How many submissions make the next batch: at least one, then while the events fit.
fn batch_len(submissions: &[Submission]) -> usize {
    let mut events = 0;
    let fits = |submission: &&Submission| {
        events += submission.group.events.len();
        events <= BATCH_EVENTS_MAX
    };
    submissions.iter().take_while(fits).count().max(1)
}
