use super::{Handle, Inner, Store};
use crate::adapter::{Adapter, Boot, SyncWish};
use crate::error::{Error, OpenError};
use crate::ids::StoreId;
use crate::leader::{LeaderOptions, OpenProgress};
use crate::materialize::Materializers;
use crate::schema::{self, Schema};
use crate::sqlite::try_checks;
use crate::sync::{InitialSync, OnOtherBackend, SyncProvider, SyncStatus};
use crate::unknown::{UnknownEvent, UnknownEvents};
use std::marker::PhantomData;
use std::sync::Arc;

type OnBoot<S> = Box<dyn FnOnce(&Store<S>) -> Result<(), Error>>;

/// Opens a store with options.
///
/// ```no_run
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: String }
/// # #[schema(events(Added))] pub struct App;
/// # #[materializers] impl App { fn added(_: Added) {} }
/// # fn main() -> Result<()> {
/// let store = Store::<App>::builder(native("data"), "todos")
///     .unknown_events(UnknownEvents::Ignore)
///     .on_progress(|progress| eprintln!("{progress:?}"))
///     .open()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `open`"]
pub struct StoreBuilder<S: Schema, A> {
    adapter: A,
    store_id: String,
    unknown: UnknownEvents,
    on_progress: Option<Box<dyn FnMut(OpenProgress)>>,
    on_boot: Option<OnBoot<S>>,
    sync: Option<Arc<dyn SyncProvider>>,
    on_other_backend: OnOtherBackend,
    is_pumped: bool,
    initial_sync: InitialSync,
    schema: PhantomData<fn() -> S>,
}

impl<S: Schema, A: Adapter> StoreBuilder<S, A> {
    pub(super) fn new(adapter: A, store_id: String) -> Self {
        Self {
            adapter,
            store_id,
            unknown: UnknownEvents::Warn,
            on_progress: None,
            on_boot: None,
            sync: None,
            on_other_backend: OnOtherBackend::default(),
            is_pumped: false,
            initial_sync: InitialSync::Skip,
            schema: PhantomData,
        }
    }

    /// What to do with events in the eventlog that the schema does not know; a warning by default.
    pub fn unknown_events(mut self, policy: UnknownEvents) -> Self {
        self.unknown = policy;
        self
    }

    /// Is told of each event in the eventlog that the schema does not know.
    pub fn on_unknown_event(self, call: impl Fn(&UnknownEvent) + Send + Sync + 'static) -> Self {
        self.unknown_events(UnknownEvents::Call(Arc::new(call)))
    }

    /// Is told how far opening has come; a rebuild of state from a long eventlog takes a while.
    pub fn on_progress(mut self, call: impl FnMut(OpenProgress) + 'static) -> Self {
        self.on_progress = Some(Box::new(call));
        self
    }

    /// Runs before [`open`](Self::open) returns, with the store: to seed it, for example. It may query and commit.
    pub fn on_boot(mut self, boot: impl FnOnce(&Store<S>) -> Result<(), Error> + 'static) -> Self {
        self.on_boot = Some(Box::new(boot));
        self
    }

    /// Syncs the store with a backend: what this client commits goes there, what others commit comes from there. Of several
    /// processes that share a directory, the one that leads connects; so all of them should ask for it, or they find themselves
    /// [`OffAtLeader`](crate::SyncState::OffAtLeader). Within a process the first session that asks decides how, for all sessions of the
    /// store.
    ///
    /// Until a store has met its backend for the first time, receipts tell provisional outcomes: wait for it where that matters, as here,
    /// or open with [`initial_sync`](Self::initial_sync).
    ///
    /// ```
    /// # use livestore::*;
    /// # use std::time::Duration;
    /// # #[event("v1.Added")] pub struct Added { pub id: String }
    /// # #[table("items")] pub struct Item { #[column(primary_key)] pub id: String }
    /// # #[schema(events(Added), tables(Item))] pub struct App;
    /// # #[materializers] impl App { fn added(Added { id }: Added) -> impl IntoWrites { Item { id }.insert() } }
    /// # fn main() -> Result<()> {
    /// let backend = MemoryBackend::new();
    /// let laptop = Store::<App>::builder(memory(), "todos").sync(backend.clone()).open()?;
    /// let phone = Store::<App>::builder(memory(), "todos").sync(backend).open()?;
    /// let timeout = Duration::from_secs(5);
    /// assert!(laptop.wait_synced(timeout)); // it has met its backend
    /// let outcome = laptop.commit(Added { id: "milk".into() })?.wait(timeout)?;
    /// assert!(!outcome.is_provisional); // the backend has it
    /// assert!(phone.wait_sync(timeout, |status| status.synced >= outcome.number.global));
    /// assert_eq!(phone.query(&Item::query())?, [Item { id: "milk".into() }]);
    /// # Ok(()) }
    /// ```
    pub fn sync(mut self, provider: impl SyncProvider) -> Self {
        self.sync = Some(Arc::new(provider));
        self
    }

    /// What to do when the backend is another one than before; see [`OnOtherBackend`]. Before or after [`sync`](Self::sync) is the same;
    /// without it this has no effect.
    pub fn on_other_backend(mut self, policy: OnOtherBackend) -> Self {
        self.on_other_backend = policy;
        self
    }

    /// Opens the store without a thread of its own: nothing is written to the eventlog, synced, or taken from other sessions unless
    /// [`Store::pump`] is called. For event loops, for platforms without threads, and for tests that decide what happens when.
    ///
    /// All sessions of a store in a process have it alike: the first that is opened decides. Other processes cannot follow a
    /// leader that is pumped; a store that follows one itself has its thread all the same.
    pub fn pumped(mut self) -> Self {
        self.is_pumped = true;
        self
    }

    /// Whether opening waits for the backend; it does not by default, and not where the store is [`pumped`](Self::pumped): nothing
    /// would come meanwhile. Before or after [`sync`](Self::sync) is the same; without it this has no effect.
    pub fn initial_sync(mut self, initial: InitialSync) -> Self {
        self.initial_sync = initial;
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// See [`Store::open`]; or the boot closure gave back an error.
    pub fn open(mut self) -> Result<Store<S>, OpenError> {
        let store_id = StoreId::new(&self.store_id)?;
        schema::check(S::DEF)?;
        try_checks(S::DEF)?;
        let materializers = Materializers::of::<S>();
        let mut silent = |_: OpenProgress| {};
        let progress: &mut dyn FnMut(OpenProgress) = match &mut self.on_progress {
            Some(call) => call,
            None => &mut silent,
        };
        let connected = self.adapter.connect(Boot {
            store_id: &store_id,
            materializers,
            unknown: &self.unknown,
            options: LeaderOptions { is_pumped: self.is_pumped, ..LeaderOptions::default() },
            sync: self.sync.clone().map(|provider| SyncWish { provider, on_other_backend: self.on_other_backend }),
            progress,
        })?;
        let store = Store::from_handle(Arc::new(Handle(Inner::start(store_id, materializers, connected)?)));
        if let (InitialSync::Blocking(wait_max), Some(_), false) = (self.initial_sync, &self.sync, self.is_pumped) {
            let _ = store.wait_sync(wait_max, SyncStatus::ends_initial_sync); // It opens all the same; the status tells.
        }
        if let Some(boot) = self.on_boot {
            boot(&store).map_err(OpenError::Boot)?;
        }
        progress(OpenProgress::Ready);
        Ok(store)
    }
}

impl<S: Schema, A> std::fmt::Debug for StoreBuilder<S, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreBuilder").field("store_id", &self.store_id).finish_non_exhaustive()
    }
}
