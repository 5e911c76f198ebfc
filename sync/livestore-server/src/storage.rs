//! Where the eventlogs are kept.
//!
//! A [`Storage`] keeps one log per store: events numbered from 1 without gaps, a backend id that is made with the log and never
//! changes, and a head. It knows nothing of connections, rights or the wire. [`SqliteStorage`] is the embedded default;
//! `PostgresStorage` (feature `postgres`) is for more than one server.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod identity;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

pub use error::StorageError;
pub(crate) use identity::IdSet;
pub use identity::{Nonce, Origin};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStorage;
pub use sqlite::{SqliteStorage, Synchronous};

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// What the methods of a [`Storage`] return.
pub type StorageFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// The largest number that an event may have: what a storage can address, about 10^12.
pub const NUMBER_MAX: u64 = (1 << 40) - 1;

/// One event of a log, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first is 1.
    pub number: u64,
    /// How many events of its commit group follow; `None` where its client does not speak of groups.
    pub rest: Option<u32>,
    /// When the server took it: milliseconds since 1970. Informational.
    pub created_at_ms: i64,
    /// Who pushed it, as the server knows them; `None` without authentication.
    pub principal: Option<Box<str>>,
    /// The event as JSON text, byte for byte as it goes to the clients.
    pub body: Arc<str>,
}

impl Entry {
    /// Whether a page may end behind it.
    #[must_use]
    pub const fn ends_group(&self) -> bool {
        matches!(self.rest, None | Some(0))
    }
}

/// The state of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Names the log: made with it, never changed. A log made again under the same store id has another.
    pub backend_id: Box<str>,
    /// The number of its last event; 0 while it has none.
    pub head: u64,
}

/// One line of [`Storage::stores`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSummary {
    /// The store.
    pub store_id: Box<str>,
    /// Its log.
    pub log: LogState,
    /// When the log was made: milliseconds since 1970.
    pub created_at_ms: i64,
}

/// What became of [`Storage::append`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The events are stored; they survive whatever the storage promises to survive.
    Stored,
    /// The log is not what the caller believes; nothing was stored. `None` when there is no such log any more.
    Moved(Option<LogState>),
}

/// How much one read may return. At least one event comes where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadMax {
    /// So many events.
    pub events: usize,
    /// So many bytes of [`Entry::body`].
    pub bytes: usize,
}

impl ReadMax {
    /// What one of many reads takes that go through a whole log.
    pub(crate) const SCAN: Self = Self { events: 1_000, bytes: 1 << 20 };
}

/// Keeps the logs of all stores.
///
/// A future that is dropped stops waiting; an append that was begun still happens whole or not at all.
/// Whether a storage keeps these promises, `storage::conformance` finds out (feature `conformance`).
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// The state of a store's log; `None` when there is none.
    fn load<'a>(&'a self, store_id: &'a str) -> StorageFuture<'a, Option<LogState>>;

    /// Makes a store's log with this backend id, empty. Where it is there already, its state is returned as it is.
    fn create<'a>(&'a self, store_id: &'a str, backend_id: &'a str) -> StorageFuture<'a, LogState>;

    /// Appends events to a log that is in the state `log`, all or none. They are numbered on from its head.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unknown`] when it cannot be said whether they were stored: load the state again before anything else.
    fn append<'a>(&'a self, store_id: &'a str, log: &'a LogState, entries: Vec<Entry>) -> StorageFuture<'a, Appended>;

    /// The events after a number, in order, up to `max`.
    fn read<'a>(&'a self, store_id: &'a str, after: u64, max: ReadMax) -> StorageFuture<'a, Vec<Entry>>;

    /// The highest ordinal that the log's events have of each of these nonces, in this order; `None` of one that none has. It may
    /// be asked for while others append: what it tells is at least as new as what [`load`](Self::load) told before.
    ///
    /// Unless a storage keeps them with its appends, the whole log is read.
    fn origins<'a>(&'a self, store_id: &'a str, nonces: Vec<Nonce>) -> StorageFuture<'a, Vec<Option<u64>>> {
        Box::pin(async move {
            let (mut highest, mut after) = (identity::Highest::default(), 0);
            loop {
                let page = self.read(store_id, after, ReadMax::SCAN).await?;
                let Some(last) = page.last() else { break };
                after = last.number;
                page.iter().filter_map(Entry::id).for_each(|id| highest.add(id));
            }
            Ok(nonces.iter().map(|nonce| highest.get(nonce)).collect())
        })
    }

    /// Stores by name, after a name, at most `max` of them.
    fn stores<'a>(&'a self, after: Option<&'a str>, max: usize) -> StorageFuture<'a, Vec<StoreSummary>>;

    /// Checks what shows in no log: the structure below, and events that belong to none. Returns what is wrong first.
    /// Each log's own events are [`archive::check`](crate::archive::check)'s.
    fn verify(&self) -> StorageFuture<'_, Option<String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Whether other processes may append to the same logs. A server then looks at the heads now and then.
    fn is_shared(&self) -> bool {
        false
    }

    /// Names of stores that others appended to, as hints that may be lost. Taken once.
    fn hints(&self) -> Option<UnboundedReceiver<Box<str>>> {
        None
    }
}
