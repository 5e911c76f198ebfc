//! A storage that does as it should, except where a test has it do otherwise.

use livestore_server::storage::{
    Appended, Entry, LogState, Nonce, ReadMax, SqliteStorage, Storage, StorageError, StorageFuture, StoreSummary,
    Synchronous,
};
use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

/// What is asked of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Load,
    Append,
    Read,
}

type Before = dyn Fn(Asked) -> Pin<Box<dyn Future<Output = Result<(), StorageError>> + Send>> + Send + Sync;

pub(crate) struct Faulty {
    inner: Arc<dyn Storage>,
    is_shared: bool,
    before: Box<Before>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").finish_non_exhaustive()
    }
}

pub(crate) fn sqlite(dir: &Path) -> Arc<dyn Storage> {
    Arc::new(SqliteStorage::open(dir, Synchronous::Normal).unwrap())
}

impl Faulty {
    /// Fails, hangs or panics where `before` does.
    pub(crate) fn new<F>(inner: Arc<dyn Storage>, before: impl Fn(Asked) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Result<(), StorageError>> + Send + 'static,
    {
        Arc::new(Self { inner, is_shared: false, before: Box::new(move |asked| Box::pin(before(asked))) })
    }

    /// One that other servers write to as well, of which nobody is told.
    pub(crate) fn shared(inner: Arc<dyn Storage>) -> Arc<Self> {
        let before: Box<Before> = Box::new(|_| Box::pin(async { Ok(()) }));
        Arc::new(Self { inner, is_shared: true, before })
    }
}

impl Storage for Faulty {
    fn load<'a>(&'a self, store_id: &'a str) -> StorageFuture<'a, Option<LogState>> {
        Box::pin(async move {
            (self.before)(Asked::Load).await?;
            self.inner.load(store_id).await
        })
    }

    fn create<'a>(&'a self, store_id: &'a str, backend_id: &'a str) -> StorageFuture<'a, LogState> {
        self.inner.create(store_id, backend_id)
    }

    fn append<'a>(&'a self, store_id: &'a str, log: &'a LogState, entries: Vec<Entry>) -> StorageFuture<'a, Appended> {
        Box::pin(async move {
            (self.before)(Asked::Append).await?;
            self.inner.append(store_id, log, entries).await
        })
    }

    fn read<'a>(&'a self, store_id: &'a str, after: u64, max: ReadMax) -> StorageFuture<'a, Vec<Entry>> {
        Box::pin(async move {
            (self.before)(Asked::Read).await?;
            self.inner.read(store_id, after, max).await
        })
    }

    fn origins<'a>(&'a self, store_id: &'a str, nonces: Vec<Nonce>) -> StorageFuture<'a, Vec<Option<u64>>> {
        self.inner.origins(store_id, nonces)
    }

    fn stores<'a>(&'a self, after: Option<&'a str>, max: usize) -> StorageFuture<'a, Vec<StoreSummary>> {
        self.inner.stores(after, max)
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }
}
