use super::{ShutdownError, StoreStatus};
use crate::adapter::{Connected, Kept};
use crate::error::{CommitError, OpenError, QueryError, StorageError, StorageKind};
use crate::event::EncodedEvent;
use crate::ids::{ClientId, EventId, JournalNonce, SessionId, StoreId};
use crate::leader::{Export, LeaderHandle, LeaderState, Port, Request};
use crate::live::{Live, LiveHost, Outbox, Signal};
use crate::materialize::Materializers;
use crate::session::{Receipt, ReceiptHost, Session};
use crate::sqlite::TrackedState;
use crate::sync::{SyncState, SyncStatus};
use crate::threads::atomic::{AtomicUsize, Ordering};
use crate::threads::mpsc::{Receiver, SyncSender, sync_channel};
use crate::threads::{Builder, Instant, Mutex, ThreadId, current, deadline, this_thread};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

/// How often a wait for the backend ends the connection's wait before a retry.
const HURRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What all clones of a store share.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store_id: StoreId,
    pub(super) client_id: ClientId,
    pub(super) session_id: SessionId,
    core: Mutex<Core>,
    /// The thread that holds the lock, so that a call from inside is an error and not a deadlock.
    owner: AtomicUsize,
    outbox: Arc<Outbox>,
    port: Arc<Port>,
    /// Hangs up when the session's thread is over.
    worker: Mutex<Option<(ThreadId, Receiver<()>)>>,
}

/// What the lock protects.
#[derive(Debug)]
enum Core {
    Open(Box<Open>),
    Closed(Arc<str>),
}

#[derive(Debug)]
struct Open {
    session: Session,
    live: Live,
    leader: Arc<LeaderHandle>,
    /// What the adapter wants held until the end.
    keep: Kept,
}

impl Open {
    fn pull(&mut self) {
        let writes = self.session.pull();
        if !writes.is_empty() {
            self.live.refresh(self.session.db(), &writes);
        }
    }
}

enum Entry {
    Reentrant,
    Closed(String),
}

impl From<Entry> for QueryError {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Reentrant => Self::Reentrant,
            Entry::Closed(reason) => Self::Closed { reason },
        }
    }
}

impl From<Entry> for CommitError {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Reentrant => Self::Reentrant,
            Entry::Closed(reason) => Self::Closed { reason },
        }
    }
}

impl Inner {
    /// Opens the session and starts the worker that applies what other sessions commit.
    pub(super) fn start(
        store_id: StoreId,
        materializers: Materializers,
        connected: Connected,
    ) -> Result<Arc<Self>, OpenError> {
        let Connected { leader, commit_log, client_id, session_id, keep } = connected;
        let session =
            Session::open(Arc::clone(&leader), materializers, commit_log, client_id.clone(), session_id.clone())?;
        let (port, is_pumped) = (Arc::clone(session.port()), leader.is_pumped());
        let outbox = Arc::new(Outbox::default());
        let live = Live::new(Arc::clone(&outbox));
        let inner = Arc::new(Self {
            store_id,
            client_id,
            session_id,
            core: Mutex::new(Core::Open(Box::new(Open { session, live, leader, keep }))),
            owner: AtomicUsize::new(0),
            outbox,
            port,
            worker: Mutex::new(None),
        });
        if !is_pumped {
            inner.start_worker()?;
        }
        // What was pending when the store was closed is there from the start.
        inner.pull();
        Ok(inner)
    }

    fn start_worker(self: &Arc<Self>) -> Result<(), OpenError> {
        let (this, port) = (Arc::downgrade(self), Arc::clone(&self.port));
        let (is_over, over) = sync_channel(0);
        let work = move || {
            let _is_over: SyncSender<()> = is_over;
            while port.wait() {
                let Some(inner) = this.upgrade() else { return };
                inner.pull();
            }
        };
        let started = Builder::new().name("livestore-session".into()).spawn(work);
        let worker = started.map_err(|error| StorageError {
            kind: StorageKind::Resources,
            path: None,
            message: format!("the session's thread did not start: {error}"),
        })?;
        *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = Some((worker.thread().id(), over));
        Ok(())
    }

    /// Runs with the lock held. Whatever it changed in live queries is delivered after, with no lock held.
    fn enter<T>(&self, work: impl FnOnce(&mut Open) -> T) -> Result<T, Entry> {
        if self.owner.load(Ordering::Relaxed) == this_thread() {
            return Err(Entry::Reentrant);
        }
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match &mut *core {
            Core::Open(open) => open,
            Core::Closed(reason) => return Err(Entry::Closed(reason.to_string())),
        };
        if let Some(reason) = open.session.broken() {
            return Err(Entry::Closed(reason.to_string()));
        }
        let owned = Owned::by_this_thread(&self.owner);
        let done = work(open);
        drop(owned);
        drop(core);
        Ok(done)
    }

    pub(super) fn commit(self: &Arc<Self>, events: Vec<EncodedEvent>) -> Result<Receipt, CommitError> {
        let count = events.len();
        let this = Arc::downgrade(self);
        let committed = self.enter(|open| {
            let leader = Arc::downgrade(&open.leader);
            if count == 0 {
                let nothing = EventId::new(JournalNonce([0; 11]), 0);
                return Ok(Receipt::new(nothing, 0, None, leader, this));
            }
            if let Some(reason) = open.leader.stopped() {
                return Err(CommitError::Closed { reason: reason.to_string() });
            }
            // Groups of other sessions first: they are ahead in the log.
            let mut writes = open.session.pull();
            if let Some(reason) = open.session.broken() {
                return Err(CommitError::Closed { reason: reason.to_string() });
            }
            let committed = open.session.commit(events);
            if let Ok(committed) = &committed {
                writes.merge(&committed.writes);
            }
            if !writes.is_empty() {
                open.live.refresh(open.session.db(), &writes);
            }
            committed.map(|committed| Receipt::new(committed.first, count, Some(committed.slot), leader, this))
        })?;
        self.outbox.drain();
        committed
    }

    /// Applies what other sessions committed, and tells subscribers.
    fn pull(&self) {
        if self.enter(Open::pull).is_ok() {
            self.outbox.drain();
        }
    }

    pub(super) fn with_live<T>(&self, work: impl FnOnce(&mut Live, &dyn TrackedState) -> T) -> Result<T, QueryError> {
        Ok(self.enter(|open| work(&mut open.live, open.session.db()))?)
    }

    pub(super) fn set_signal<T: PartialEq + Send + Sync + 'static>(
        &self,
        signal: &Signal<T>,
        value: T,
    ) -> Result<(), QueryError> {
        self.with_live(|live, state| live.set_signal(state, signal, value))?;
        self.outbox.drain();
        Ok(())
    }

    pub(super) fn live_host(self: &Arc<Self>) -> Arc<dyn LiveHost> {
        let host: Arc<Self> = Arc::clone(self);
        host
    }

    pub(super) fn leader(&self) -> Weak<LeaderHandle> {
        self.enter(|open| Arc::downgrade(&open.leader)).unwrap_or_default()
    }

    pub(super) fn export(&self, what: Export, target: &Path) -> Result<(), StorageError> {
        let closed = |message: String| StorageError { kind: StorageKind::Io, path: None, message };
        let leader =
            self.enter(|open| Arc::clone(&open.leader)).map_err(|entry| closed(QueryError::from(entry).to_string()))?;
        leader.export(what, target.to_owned())
    }

    pub(super) fn status(&self) -> StoreStatus {
        self.pull();
        let seen = self.enter(|open| {
            let leader = open.leader.status();
            let is_durable = leader.synced_place >= leader.place && leader.synced_seq >= leader.seq;
            StoreStatus {
                local_head: open.session.local_head(),
                upstream_head: open.session.upstream_head(),
                pending: open.session.pending_events(),
                is_durable,
                leader: leader.state,
                quarantined: leader.quarantined,
                kept_aside: leader.kept_aside,
                closed: None,
            }
        });
        seen.unwrap_or_else(|entry| {
            let reason = QueryError::from(entry).to_string();
            StoreStatus {
                local_head: Default::default(),
                upstream_head: Default::default(),
                pending: 0,
                is_durable: false,
                leader: LeaderState::Stopped { reason: reason.clone() },
                quarantined: Vec::new(),
                kept_aside: Vec::new(),
                closed: Some(reason),
            }
        })
    }

    pub(super) fn sync_status(&self) -> SyncStatus {
        let seen = self.enter(|open| {
            // The status first: what it says of, the session then has taken.
            let sync = open.leader.status().sync;
            open.pull();
            let session_pending = open.session.pending_events();
            // The news may be a moment newer than the status: nothing is in neither of them.
            let pending = if sync.pending == 0 { open.session.accepted_events() } else { sync.pending };
            SyncStatus { session_pending, pending, ..sync }
        });
        self.outbox.drain();
        seen.unwrap_or_else(|entry| {
            let reason = QueryError::from(entry).to_string();
            SyncStatus { state: SyncState::Stopped { reason }, ..SyncStatus::default() }
        })
    }

    pub(super) fn pump(&self, now: Duration) -> Option<Duration> {
        let due = self.leader().upgrade().and_then(|leader| leader.pump(now));
        self.pull();
        due
    }

    #[cfg(feature = "crash-points")]
    pub(super) fn abandon(&self) {
        if let Some(leader) = self.leader().upgrade() {
            leader.abandon();
        }
    }

    pub(super) fn hurry_sync(&self) {
        // A store that is closed has nobody to hurry.
        let _ = self.enter(|open| open.leader.request(Request::HurrySync));
    }

    pub(super) fn wait_sync(&self, timeout: Duration, is_wanted: &dyn Fn(&SyncStatus) -> bool) -> bool {
        self.wait_sync_until(timeout, &|status| is_wanted(status).then_some(true), None)
    }

    /// Waits as long as it can come to that, and does not let the connection wait before a retry longer than a moment.
    pub(super) fn wait_synced(&self, timeout: Duration) -> bool {
        self.hurry_sync();
        let end = |status: &SyncStatus| match status.is_synced() {
            true => Some(true),
            false => status.is_off().then_some(false),
        };
        self.wait_sync_until(timeout, &end, Some(HURRY_AGAIN_AFTER))
    }

    /// Waits until the status is an end of it. Meanwhile a connection that waits before a retry is hurried each time so much has passed.
    fn wait_sync_until(
        &self,
        timeout: Duration,
        end: &dyn Fn(&SyncStatus) -> Option<bool>,
        hurry_after: Option<Duration>,
    ) -> bool {
        let deadline = deadline(timeout);
        let mut hurried = Instant::now();
        loop {
            let Some(leader) = self.leader().upgrade() else { return end(&self.sync_status()) == Some(true) };
            let seen = leader.status().version;
            let status = self.sync_status();
            if let Some(is_wanted) = end(&status) {
                return is_wanted;
            }
            let mut left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || leader.stopped().is_some() {
                return false;
            }
            if let (Some(after), SyncState::Waiting) = (hurry_after, &status.state) {
                let waited = Instant::now().saturating_duration_since(hurried);
                if waited >= after {
                    hurried = Instant::now();
                    self.hurry_sync();
                }
                left = left.min(after.saturating_sub(waited)).max(Duration::from_millis(1));
            }
            leader.wait_status(left, |status| status.version != seen);
        }
    }

    pub(super) fn shutdown(&self, wait_max: Duration) -> Result<(), ShutdownError> {
        let deadline = deadline(wait_max);
        let left = || deadline.saturating_duration_since(Instant::now());
        let drained = loop {
            let entered = self.enter(|open| {
                open.pull();
                (open.session.pending_events(), Arc::clone(&open.leader))
            });
            let pending = match entered {
                Ok(pending) => pending,
                Err(Entry::Closed(_)) => match self.left_by_broken() {
                    Some(pending) => pending,
                    None => return Ok(()),
                },
                Err(Entry::Reentrant) => return Err(ShutdownError::Reentrant),
            };
            self.outbox.drain();
            match pending {
                (0, leader) => break leader.sync(left()).map_err(ShutdownError::NotSynced),
                (pending, leader) if Instant::now() >= deadline || leader.stopped().is_some() => {
                    break Err(ShutdownError::Pending { pending, waited_ms: wait_max.as_millis() as u64 });
                }
                (_, leader) => {
                    leader.hurry();
                    leader.pump_again();
                    leader.wait_past(leader.status().place, Duration::from_millis(5));
                }
            }
        };
        self.close("the store was shut down", left());
        drained
    }

    /// A session that stopped takes no news: how much of what it committed is not synced tells instead.
    fn left_by_broken(&self) -> Option<(usize, Arc<LeaderHandle>)> {
        match &*self.core.lock().unwrap_or_else(PoisonError::into_inner) {
            Core::Open(open) => Some((open.session.unsynced_events(), Arc::clone(&open.leader))),
            Core::Closed(_) => None,
        }
    }

    fn close(&self, reason: &str, wait_max: Duration) {
        let closed = std::mem::replace(
            &mut *self.core.lock().unwrap_or_else(PoisonError::into_inner),
            Core::Closed(reason.into()),
        );
        self.port.close(reason);
        self.outbox.close();
        if let Core::Open(open) = closed {
            let Open { session, live, leader, keep } = *open;
            live.close();
            if wait_max.is_zero() {
                leader.give_up();
            }
            session.close(wait_max);
            drop(leader);
            drop(keep);
        }
        // A callback that the thread still runs may wait for this very thread: so no wait without an end, and none at all
        // inside a callback, which may be that one.
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let is_another = |id: ThreadId| id != current().id() && !crate::callback::is_in_callback();
        if let Some((_, over)) = worker.filter(|(id, _)| is_another(*id)) {
            let _ = over.recv_timeout(wait_max);
        }
    }
}

/// What the clones of a store share. The end of the last one closes the session there and then, whoever else still holds
/// [`Inner`] for the length of a call.
#[derive(Debug)]
pub(super) struct Handle(pub(super) Arc<Inner>);

impl Deref for Handle {
    type Target = Arc<Inner>;

    fn deref(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Inside a live query's own closure this thread holds the lock; the session then ends with `Inner`.
        if self.0.owner.load(Ordering::Relaxed) != this_thread() {
            self.0.close("the store was dropped", ShutdownError::WAIT_MAX);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close("the store was dropped", ShutdownError::WAIT_MAX);
    }
}

impl ReceiptHost for Inner {
    fn take_news(&self) {
        self.pull();
    }
}

impl LiveHost for Inner {
    fn with_live(&self, work: &mut dyn FnMut(&mut Live, &dyn TrackedState)) -> Result<(), QueryError> {
        let done = Self::with_live(self, |live, state| work(live, state));
        self.outbox.drain();
        done
    }
}

/// The owner mark, taken back also when the work panics.
struct Owned<'a>(&'a AtomicUsize);

impl<'a> Owned<'a> {
    fn by_this_thread(owner: &'a AtomicUsize) -> Self {
        owner.store(this_thread(), Ordering::Relaxed);
        Self(owner)
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
