//! The platform: where a store's data lives, and who leads.

mod memory;
#[cfg(not(target_arch = "wasm32"))]
mod native;

pub use memory::{MemoryAdapter, memory};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{NativeAdapter, native};

use crate::error::OpenError;
use crate::ids::{ClientId, SessionId, StoreId};
use crate::leader::{LeaderHandle, LeaderOptions, OpenProgress, SyncSetup};
use crate::materialize::Materializers;
use crate::session::CommitLog;
use crate::sync::{OnOtherBackend, SyncProvider, SyncTarget};
use crate::threads::Mutex;
use crate::unknown::UnknownEvents;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

/// Where a store's data lives: [`memory()`], [`native`](native()), or an adapter of your own.
///
/// One adapter value can open many stores, and the same store several times: each time is another client session.
///
/// An adapter of your own decides where, and what has to be done before and after: a directory for each customer, an archive that is
/// fetched first and written back at the end, a lock of your own. Leadership, journals and databases are those of the adapter that it
/// hands on to. The `livestore-conformance` crate has the suite that every adapter must pass.
///
/// ```
/// use livestore::*;
/// use std::path::PathBuf;
///
/// /// The stores of one customer: those of no other are opened by it.
/// struct Customer {
///     name: String,
///     directory: PathBuf,
/// }
///
/// impl Adapter for Customer {
///     fn connect(&self, boot: Boot<'_>) -> std::result::Result<Connected, OpenError> {
///         if !boot.store_id().as_str().starts_with(&self.name) {
///             let message = format!("`{}` is a store of another customer than `{}`", boot.store_id(), self.name);
///             return Err(StorageError { kind: StorageKind::NotWritable, path: None, message }.into());
///         }
///         // All stores of one place have one client.
///         native(self.directory.join(&self.name)).connect(boot)
///     }
/// }
/// ```
pub trait Adapter {
    /// Opens or joins the leader of the store, and a session of it.
    ///
    /// # Errors
    /// The place cannot be used, or whatever the adapter that it hands on to says.
    fn connect(&self, boot: Boot<'_>) -> Result<Connected, OpenError>;
}

/// What a store asks of its adapter: to be handed on to another adapter.
pub struct Boot<'a> {
    pub(crate) store_id: &'a StoreId,
    pub(crate) materializers: Materializers,
    pub(crate) unknown: &'a UnknownEvents,
    pub(crate) options: LeaderOptions,
    pub(crate) sync: Option<SyncWish>,
    pub(crate) progress: &'a mut dyn FnMut(OpenProgress),
}

impl Boot<'_> {
    /// Which store is opened.
    #[must_use]
    pub fn store_id(&self) -> &StoreId {
        self.store_id
    }

    /// The name of its schema.
    #[must_use]
    pub fn schema(&self) -> &'static str {
        self.materializers.schema.name
    }
}

impl std::fmt::Debug for Boot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Boot").field("store_id", self.store_id).field("schema", &self.schema()).finish_non_exhaustive()
    }
}

/// How an application wants its store synced.
#[derive(Clone)]
pub(crate) struct SyncWish {
    pub(crate) provider: Arc<dyn SyncProvider>,
    pub(crate) on_other_backend: OnOtherBackend,
}

impl SyncWish {
    fn setup(self, store_id: &StoreId, client_id: &ClientId) -> SyncSetup {
        let target = SyncTarget::new(store_id.clone(), client_id.as_str());
        SyncSetup { provider: self.provider, target, on_other_backend: self.on_other_backend }
    }
}

/// What an adapter gives a store: a session, with the leader that it joined.
#[derive(Debug)]
pub struct Connected {
    pub(crate) leader: Arc<LeaderHandle>,
    pub(crate) commit_log: CommitLog,
    pub(crate) client_id: ClientId,
    pub(crate) session_id: SessionId,
    pub(crate) keep: Kept,
}

/// What goes when a session is over, the last first.
pub(crate) type Kept = Vec<Box<dyn std::any::Any + Send>>;

impl Connected {
    /// Holds this until the session is closed and has let go of its leader: a lock, or something whose end does what is to be done then.
    #[must_use]
    pub fn keep(mut self, until_closed: impl Send + 'static) -> Self {
        self.keep.insert(0, Box::new(until_closed));
        self
    }
}

/// The one leader of a store in this process, while some session holds it. Locked while the store is being opened, so
/// that a second opener waits and then joins.
#[derive(Debug, Default)]
struct Seat {
    leader: Mutex<Option<Seated>>,
}

#[derive(Debug)]
struct Seated {
    leader: Weak<LeaderHandle>,
    /// Goes when the leader has let go of everything, which is after its last handle went.
    presence: Weak<()>,
    schema: &'static str,
    fingerprint: String,
}

impl Seat {
    /// Joins the running leader, or starts one.
    fn join(
        &self,
        boot: &mut Boot<'_>,
        client_id: &ClientId,
        start: impl FnOnce(&mut Boot<'_>, Start) -> Result<LeaderHandle, OpenError>,
    ) -> Result<Arc<LeaderHandle>, OpenError> {
        let fingerprint = crate::schema::fingerprint(boot.materializers.schema).to_string();
        let mut seat = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((leader, seated)) = seat.as_ref().and_then(|seated| Some((seated.leader.upgrade()?, seated))) {
            let is_same = seated.fingerprint == fingerprint && seated.schema == boot.materializers.schema.name;
            if !is_same {
                return Err(other_schema(boot, seated));
            }
            if let Some(sync) = boot.sync.clone() {
                leader.offer_sync(sync.setup(boot.store_id, client_id))?;
            }
            return Ok(leader);
        }
        let presence = Arc::new(());
        let start_with = Start { presence: Arc::clone(&presence) };
        let leader = Arc::new(start(boot, start_with)?);
        let schema = boot.materializers.schema.name;
        let presence = Arc::downgrade(&presence);
        *seat = Some(Seated { leader: Arc::downgrade(&leader), presence, schema, fingerprint });
        Ok(leader)
    }

    /// Where the leader ended and sessions still hold it, whoever opens the store now starts another.
    #[cfg(not(target_arch = "wasm32"))]
    fn leave_stopped(&self) {
        let mut seat = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        let leader = seat.as_ref().and_then(|seated| seated.leader.upgrade());
        if leader.is_some_and(|leader| leader.stopped().is_some()) {
            *seat = None;
        }
    }

    /// Whether some leader still sits here, or is about to.
    fn is_taken(&self) -> bool {
        let seat = self.leader.try_lock();
        seat.map_or(true, |seat| seat.as_ref().is_some_and(|seated| seated.presence.strong_count() > 0))
    }
}

/// What a new leader is started with.
struct Start {
    /// To be held as long as the leader holds anything.
    presence: Arc<()>,
}

/// The seats of the stores that are open.
#[derive(Debug)]
struct Seats<K>(Mutex<HashMap<K, Arc<Seat>>>);

impl<K: std::hash::Hash + Eq> Seats<K> {
    fn seat(&self, store: K) -> Arc<Seat> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Seats that nobody uses go whenever their number has doubled: opening stays cheap, and the map small.
        if seats.len() >= 64 && seats.len().is_power_of_two() {
            seats.retain(|_, seat| Arc::strong_count(seat) > 1 || seat.is_taken());
        }
        Arc::clone(seats.entry(store).or_default())
    }
}

impl<K> Default for Seats<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

fn other_schema(boot: &Boot<'_>, seated: &Seated) -> OpenError {
    OpenError::OtherSchema {
        store_id: boot.store_id.to_string(),
        open: seated.schema.to_owned(),
        requested: boot.materializers.schema.name.to_owned(),
    }
}

/// Applies the unknown-event policy to what the log holds already.
#[cfg(not(target_arch = "wasm32"))]
fn greet_unknown_events(
    log: &crate::eventlog::Eventlog,
    materializers: Materializers,
    unknown: &UnknownEvents,
) -> Result<(), OpenError> {
    use crate::eventlog::LogFilter;
    let names: Vec<String> = log.names().filter(|name| !materializers.knows(name)).map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(());
    }
    let filter = LogFilter { names, ..LogFilter::default() };
    let mut after = 0;
    loop {
        let rows = log.rows_after(after, &filter, 1_000)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.place;
        for row in &rows {
            unknown.meet(row, materializers.schema.name)?;
        }
    }
}

/// Entropy for ids.
fn random(len: usize) -> Vec<u8> {
    #[cfg(feature = "crash-points")]
    if let Some(bytes) = crate::crash::seeded(len) {
        return bytes;
    }
    nanoid::rngs::default(len)
}
