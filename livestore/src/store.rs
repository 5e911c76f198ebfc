//! The store: what an application holds.

mod builder;
mod events;
mod inner;
mod kept;
mod read;
mod status;
mod sync_changes;
#[cfg(test)]
mod tests;

pub use builder::StoreBuilder;
pub use events::{EventStream, EventlogRestarted, RawEvent, StreamedEvent};
pub use kept::{KeptEvent, KeptStanding, kept_events};
pub use read::ReadCx;
pub use status::StoreStatus;
pub use sync_changes::SyncChanges;

use crate::adapter::Adapter;
use crate::error::{CommitError, OpenError, QueryError, StorageError};
use crate::event::{EncodedEvent, Event};
use crate::ids::{ClientId, SessionId, StoreId};
use crate::leader::Export;
use crate::live::{Changes, LiveStats, Observable, Queryable, Signal, Subscription};
use crate::schema::{Batch, Commit, Schema, SchemaEvent};
use crate::session::Receipt;
use crate::sync::SyncStatus;
use inner::{Handle, Inner};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// An open store of schema `S`: commit events, read state, subscribe to live queries.
///
/// A cheap clone; `Send` and `Sync`. All clones are one client session. The session ends when the last clone is dropped, or
/// for all clones at [`shutdown`](Self::shutdown).
///
/// ```
/// # use livestore::*;
/// # #[event("v1.TodoCreated")] pub struct TodoCreated { pub id: String, pub text: String }
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: String, pub text: String }
/// # #[schema(events(TodoCreated), tables(Todo))] pub struct App;
/// # #[materializers] impl App {
/// #     fn created(TodoCreated { id, text }: TodoCreated) -> impl IntoWrites { Todo { id, text }.insert() }
/// # }
/// # fn main() -> Result<()> {
/// let store = Store::<App>::open(memory(), "todos")?;
/// store.commit(TodoCreated { id: "a".into(), text: "milk".into() })?;
/// assert_eq!(store.query(&Todo::query().count())?, 1);
/// # Ok(()) }
/// ```
pub struct Store<S: Schema> {
    inner: Arc<Handle>,
    schema: PhantomData<fn() -> S>,
}

impl<S: Schema> Store<S> {
    /// Opens a store, creating it where it is not there yet.
    ///
    /// # Errors
    /// The id breaks its rules, the directory cannot be used, is held by a process that cannot be joined, or holds what is not
    /// ours; see [`OpenError`].
    pub fn open(adapter: impl Adapter, store_id: impl AsRef<str>) -> Result<Self, OpenError> {
        Self::builder(adapter, store_id).open()
    }

    /// Opens a store with options.
    pub fn builder(adapter: impl Adapter, store_id: impl AsRef<str>) -> StoreBuilder<S, impl Adapter> {
        StoreBuilder::new(adapter, store_id.as_ref().to_owned())
    }

    #[cfg(feature = "crash-points")]
    pub(crate) fn abandon(self) {
        self.inner.abandon();
    }

    fn from_handle(inner: Arc<Handle>) -> Self {
        Self { inner, schema: PhantomData }
    }

    /// Commits one event, a tuple, an array, a `Vec`, or what a closure collects: all of it, or nothing.
    ///
    /// When it returns, queries see the change, subscribers were told, and the change survives the end of the process.
    ///
    /// # Errors
    /// An event does not encode or its materializer fails, a bound is reached, the disk fails, or the store is closed. Nothing
    /// changed then, and the store goes on.
    pub fn commit(&self, events: impl Commit<S>) -> Result<Receipt, CommitError> {
        let events = Batch::of(events)
            .iter()
            .map(|event| Ok(EncodedEvent::new(event.def(), event.encode(self.session_id())?)))
            .collect::<Result<Vec<_>, CommitError>>()?;
        self.inner.commit(events)
    }

    /// Reads once: a builder query, raw SQL, a document, a live query or a signal.
    ///
    /// # Errors
    /// The statement is refused or fails, a row does not decode, or the store is closed.
    pub fn query<Q: Queryable>(&self, query: &Q) -> Result<Q::Output, QueryError> {
        self.inner.with_live(|live, state| query.read(live, state))?
    }

    /// Reads several queries at one head: no commit and no event of another session comes between them.
    ///
    /// # Errors
    /// Whatever the closure gives back, or the store is closed.
    pub fn read<T, E: From<QueryError>>(&self, read: impl FnOnce(&ReadCx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.inner.with_live(|live, state| read(&ReadCx::new(live, state)))?
    }

    /// Calls back with the present result, and again whenever it changed, until the subscription is dropped.
    ///
    /// Callbacks run with no lock held, one at a time, in the order of the commits; they may query and commit.
    ///
    /// Keep what it returns in a name: `let _watch = …` watches to the end of the scope, `let _ = …` drops it at once.
    ///
    /// # Errors
    /// The first run of the query fails, or the store is closed.
    pub fn subscribe<Q: Observable>(
        &self,
        query: &Q,
        on_change: impl FnMut(&Q::Output) + Send + 'static,
    ) -> Result<Subscription, QueryError> {
        query.subscribe(&self.inner.live_host(), Box::new(on_change))
    }

    /// The same as an iterator and a stream: the present result, then each change; a reader that is slow gets the latest.
    ///
    /// # Errors
    /// The first run of the query fails, or the store is closed.
    pub fn changes<Q: Observable>(&self, query: &Q) -> Result<Changes<Q::Value>, QueryError> {
        query.changes(&self.inner.live_host())
    }

    /// Sets a signal; live queries that read it are refreshed before this returns.
    ///
    /// # Errors
    /// The store is closed.
    pub fn set_signal<T: PartialEq + Send + Sync + 'static>(
        &self,
        signal: &Signal<T>,
        value: T,
    ) -> Result<(), QueryError> {
        self.inner.set_signal(signal, value)
    }

    /// The events of type `E` in the eventlog, and those to come; filters narrow it.
    ///
    /// Iterating waits at the end for ever. For what is there now, end it with [`until_now`](EventStream::until_now):
    ///
    /// ```
    /// # use livestore::*;
    /// # use std::time::Duration;
    /// # #[event("v1.Added")] pub struct Added { pub id: String }
    /// # #[schema(events(Added))] pub struct App;
    /// # #[materializers] impl App { fn added(_: Added) {} }
    /// # fn main() -> Result<()> {
    /// # let store = Store::<App>::open(memory(), "todos")?;
    /// let receipt = store.commit(Added { id: "a".into() })?;
    /// receipt.wait(Duration::from_secs(5))?; // until it is in the eventlog
    /// for event in store.events::<Added>().until_now() {
    ///     assert_eq!(event?.event.id, "a");
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn events<E: Event>(&self) -> EventStream<E> {
        EventStream::typed(self.inner.leader())
    }

    /// All events in the eventlog that the schema knows, and those to come. Iterating waits at the end for ever, see
    /// [`events`](Self::events).
    #[must_use]
    pub fn all_events(&self) -> EventStream<S::Event> {
        EventStream::of_schema::<S>(self.inner.leader())
    }

    /// All events in the eventlog as name and JSON, known or not, and those to come. Iterating waits at the end for ever, see
    /// [`events`](Self::events).
    #[must_use]
    pub fn raw_events(&self) -> EventStream<RawEvent> {
        EventStream::raw(self.inner.leader())
    }

    /// How the store is doing: heads, what is pending, what is quarantined, and whether the leader works.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        self.inner.status()
    }

    /// How sync is doing, at both hops: this session to its leader, and the leader to the backend.
    #[must_use]
    pub fn sync_status(&self) -> SyncStatus {
        self.inner.sync_status()
    }

    /// The same as an iterator and a stream: the present sync status, then each other one; a reader that is slow gets the latest.
    #[must_use]
    pub fn sync_changes(&self) -> SyncChanges {
        SyncChanges::new(Arc::downgrade(&self.inner.0))
    }

    /// Waits until the sync status is as wanted, at most so long; whether it is. The end of a store ends it too.
    ///
    /// Do not call it from a live query's callback: what it waits for may need that thread.
    #[must_use = "it tells whether the time was over first"]
    pub fn wait_sync(&self, timeout: Duration, is_wanted: impl Fn(&SyncStatus) -> bool) -> bool {
        self.inner.wait_sync(timeout, &is_wanted)
    }

    /// Waits until nothing waits here any more, see [`SyncStatus::is_synced`]: all that this client committed is confirmed by the
    /// backend, and all that it knows the backend to have is here. Whether it came to that within the time. Where it cannot, because sync
    /// is off or stopped, it gives back `false` at once. A connection that waits before a retry tries at once, and about each second
    /// again while this waits.
    ///
    /// It is no barrier: it does not ask the backend whether it has more. A client that is connected hears of what others push a moment
    /// later, so it may be synced here and lack what another client pushed just before. To wait for that, wait for its number:
    ///
    /// ```
    /// # use livestore::*;
    /// # use std::time::Duration;
    /// # #[event("v1.Added")] pub struct Added { pub id: String }
    /// # #[table("items")] pub struct Item { #[column(primary_key)] pub id: String }
    /// # #[schema(events(Added), tables(Item))] pub struct App;
    /// # #[materializers] impl App { fn added(Added { id }: Added) -> impl IntoWrites { Item { id }.insert() } }
    /// # fn main() -> Result<()> {
    /// # let backend = MemoryBackend::new();
    /// # let open = || Store::<App>::builder(memory(), "todos").sync(backend.clone()).open();
    /// # let (laptop, phone) = (open()?, open()?);
    /// let timeout = Duration::from_secs(5);
    /// let receipt = laptop.commit(Added { id: "milk".into() })?;
    /// assert!(laptop.wait_synced(timeout)); // the backend has it
    /// let number = receipt.wait(timeout)?.number;
    /// assert!(phone.wait_sync(timeout, |status| status.synced >= number.global)); // and the phone
    /// assert_eq!(phone.query(&Item::query().count())?, 1);
    /// # Ok(()) }
    /// ```
    #[must_use = "it tells whether the time was over first"]
    pub fn wait_synced(&self, timeout: Duration) -> bool {
        self.inner.wait_synced(timeout)
    }

    /// Does what is due in a store that was opened [`pumped`](StoreBuilder::pumped), and tells subscribers. `now` counts from any
    /// moment, the same for all sessions of the store, and does not go back. Gives back when it wants to be called again at the
    /// latest; earlier after a commit, or when the provider's waker was woken, nothing is lost by waiting. `None` where a thread does the work, or
    /// the store is closed.
    ///
    /// What waits for the leader inside ([`Receipt::wait`], [`wait_sync`](Self::wait_sync)) needs another thread that pumps.
    ///
    /// ```
    /// # use livestore::*;
    /// # use std::time::Duration;
    /// # #[event("v1.Added")] pub struct Added { pub id: String }
    /// # #[schema(events(Added))] pub struct App;
    /// # #[materializers] impl App { fn added(_: Added) {} }
    /// # fn main() -> Result<()> {
    /// let store = Store::<App>::builder(memory(), "todos").pumped().open()?;
    /// let receipt = store.commit(Added { id: "a".into() })?;
    /// assert_eq!(receipt.poll(), None);
    /// store.pump(Duration::from_millis(5));
    /// assert!(receipt.poll().is_some());
    /// # Ok(()) }
    /// ```
    pub fn pump(&self, now: Duration) -> Option<Duration> {
        self.inner.pump(now)
    }

    /// How often each live query of this session ran, and how many watch it; most used first. For tests and for finding out
    /// what a screen costs.
    ///
    /// # Errors
    /// The store is closed.
    pub fn live_stats(&self) -> Result<Vec<LiveStats>, QueryError> {
        self.inner.with_live(|live, _| live.stats())
    }

    /// Which store this is.
    #[must_use]
    pub fn store_id(&self) -> &StoreId {
        &self.inner.store_id
    }

    /// The name of this client: belongs to the data directory.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.inner.client_id
    }

    /// The name of this session: one open handle and its clones.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        &self.inner.session_id
    }

    /// Writes a copy of the eventlog to a new file, a SQLite database of its own.
    ///
    /// # Errors
    /// The file exists or cannot be written, or the store is closed.
    pub fn export_eventlog(&self, target: impl AsRef<Path>) -> Result<(), StorageError> {
        self.inner.export(Export::Eventlog, target.as_ref())
    }

    /// Writes a copy of the persisted state to a new file, a SQLite database of its own.
    ///
    /// # Errors
    /// The file exists or cannot be written, or the store is closed.
    pub fn export_state(&self, target: impl AsRef<Path>) -> Result<(), StorageError> {
        self.inner.export(Export::State, target.as_ref())
    }

    /// Closes the session for all clones, after everything committed is in the eventlog and survives a power loss.
    ///
    /// # Errors
    /// The leader did not take everything within [`ShutdownError::WAIT_MAX`]; what it did not take stays in the journal and is
    /// taken at the next start. The session is closed all the same.
    pub fn shutdown(&self) -> Result<(), ShutdownError> {
        self.inner.shutdown(ShutdownError::WAIT_MAX)
    }
}

/// What a shutdown could not bring to an end in time. Nothing is lost.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// The leader is busy or its disk fails.
    #[error(
        "{pending} committed events were not in the eventlog after {waited_ms} ms; they are in the journal and are taken at the next start"
    )]
    Pending {
        /// How many events.
        pending: usize,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// Everything is in the eventlog, but could not be made to survive a power loss.
    #[error("the eventlog could not be synced: {0}")]
    NotSynced(StorageError),
    /// The store was called from inside a live query's own closure. It is still open.
    #[error("the store is busy on this thread: a live query or a materializer cannot shut it down")]
    Reentrant,
}

impl From<ShutdownError> for crate::error::Error {
    fn from(error: ShutdownError) -> Self {
        Self::new(error)
    }
}

impl ShutdownError {
    /// How long a shutdown waits for the leader.
    pub const WAIT_MAX: Duration = Duration::from_secs(10);
}

impl<S: Schema> Clone for Store<S> {
    fn clone(&self) -> Self {
        Self::from_handle(Arc::clone(&self.inner))
    }
}

impl<S: Schema> std::fmt::Debug for Store<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("store_id", &self.inner.store_id).finish_non_exhaustive()
    }
}
