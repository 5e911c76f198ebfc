use super::{ShutdownError, StoreStatus};
use crate::adapter::Connected;
use crate::error::{CommitError, OpenError, QueryError, StorageError, StorageKind};
use crate::event::EncodedEvent;
use crate::ids::{ClientId, EventId, JournalNonce, SessionId, StoreId};
use crate::leader::{Export, LeaderHandle, LeaderState, Port};
use crate::live::{Live, LiveHost, Outbox, Signal};
use crate::materialize::Materializers;
use crate::session::{Receipt, Session};
use crate::sqlite::TrackedState;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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
    worker: Mutex<Option<JoinHandle<()>>>,
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
}

/// An address of this thread's own tells it from the others; 0 is no thread.
fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark) as usize)
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
        let Connected { leader, commit_log, client_id, session_id } = connected;
        let session =
            Session::open(Arc::clone(&leader), materializers, commit_log, client_id.clone(), session_id.clone())?;
        let port = Arc::clone(session.port());
        let outbox = Arc::new(Outbox::default());
        let live = Live::new(Arc::clone(&outbox));
        let inner = Arc::new(Self {
            store_id,
            client_id,
            session_id,
            core: Mutex::new(Core::Open(Box::new(Open { session, live, leader }))),
            owner: AtomicUsize::new(0),
            outbox,
            port,
            worker: Mutex::new(None),
        });
        inner.start_worker()?;
        Ok(inner)
    }

    fn start_worker(self: &Arc<Self>) -> Result<(), OpenError> {
        let (this, port) = (Arc::downgrade(self), Arc::clone(&self.port));
        let work = move || {
            while port.wait() {
                let Some(inner) = this.upgrade() else { return };
                inner.pull();
            }
        };
        let started = std::thread::Builder::new().name("livestore-session".into()).spawn(work);
        let worker = started.map_err(|error| StorageError {
            kind: StorageKind::Resources,
            path: None,
            message: format!("the session's thread did not start: {error}"),
        })?;
        *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = Some(worker);
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

    pub(super) fn commit(&self, events: Vec<EncodedEvent>) -> Result<Receipt, CommitError> {
        let count = events.len();
        let committed = self.enter(|open| {
            let leader = Arc::downgrade(&open.leader);
            if count == 0 {
                let nothing = EventId::new(JournalNonce([0; 11]), 0);
                return Ok(Receipt::new(nothing, 0, None, leader));
            }
            if let Some(reason) = open.leader.stopped() {
                return Err(CommitError::Closed { reason: reason.to_string() });
            }
            // Groups of other sessions first: they are ahead in the log.
            let mut writes = open.session.pull();
            let committed = open.session.commit(events);
            if let Ok(committed) = &committed {
                writes.merge(&committed.writes);
            }
            if !writes.is_empty() {
                open.live.refresh(open.session.db(), &writes);
            }
            committed.map(|committed| Receipt::new(committed.first, count, Some(committed.slot), leader))
        })?;
        self.outbox.drain();
        committed
    }

    /// Applies what other sessions committed.
    fn pull(&self) {
        let pulled = self.enter(|open| {
            let writes = open.session.pull();
            if !writes.is_empty() {
                open.live.refresh(open.session.db(), &writes);
            }
        });
        if pulled.is_ok() {
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
        let seen = self.enter(|open| {
            let leader = open.leader.status();
            let is_durable = leader.synced_place >= leader.place;
            StoreStatus {
                local_head: open.session.local_head(),
                upstream_head: open.session.upstream_head(),
                pending: open.session.pending_events(),
                is_durable,
                leader: leader.state,
                quarantined: leader.quarantined,
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
                closed: Some(reason),
            }
        })
    }

    pub(super) fn shutdown(&self, wait_max: Duration) -> Result<(), ShutdownError> {
        let deadline = Instant::now() + wait_max;
        let drained = loop {
            let Ok(pending) = self.enter(|open| {
                open.session.pull();
                (open.session.pending_events(), Arc::clone(&open.leader))
            }) else {
                return Ok(()); // Closed already.
            };
            match pending {
                (0, leader) => break leader.sync().map_err(ShutdownError::NotSynced),
                (pending, leader) if Instant::now() >= deadline || leader.stopped().is_some() => {
                    break Err(ShutdownError::Pending { pending, waited_ms: wait_max.as_millis() as u64 });
                }
                (_, leader) => {
                    leader.hurry();
                    leader.wait_past(leader.status().place, Duration::from_millis(5));
                }
            }
        };
        self.close("the store was shut down");
        drained
    }

    fn close(&self, reason: &str) {
        let closed = std::mem::replace(
            &mut *self.core.lock().unwrap_or_else(PoisonError::into_inner),
            Core::Closed(reason.into()),
        );
        self.port.close(reason);
        self.outbox.close();
        if let Core::Open(open) = closed {
            let Open { session, live, leader } = *open;
            drop(live);
            session.close();
            drop(leader);
        }
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker.filter(|worker| worker.thread().id() != std::thread::current().id()) {
            let _ = worker.join(); // A panic there was a panic of ours, and already printed.
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close("the store was dropped");
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
