//! All logs in one SQLite file, written by one thread that commits for everybody who waits.

mod reader;
mod schema;
mod writer;

use super::{Appended, Entry, LogState, Nonce, ReadMax, Storage, StorageError, StorageFuture, StoreSummary};
use reader::Readers;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use writer::Writer;

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Once the disk has it: survives a power cut. The default.
    #[default]
    Full,
    /// Once the operating system has it: survives the end of the process, and may lose the last commits in a power cut.
    Normal,
}

/// The embedded storage: one SQLite file in a directory that one server process holds at a time.
///
/// Appends of all stores go through one thread; those that wait when it begins share one transaction (group commit), so that
/// many stores cost one sync of the disk.
#[derive(Debug)]
pub struct SqliteStorage {
    // `None` when it was opened for reading only.
    writer: Option<Writer>,
    readers: Arc<Readers>,
    // Held as long as the storage lives, so that a second server cannot write the same file.
    _lock: Option<File>,
}

impl SqliteStorage {
    /// Opens the storage in a directory, which is made where it is missing, readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when another process holds the directory or it cannot be written;
    /// [`StorageError::Damaged`] when the file is not of this version of the storage, or broken.
    pub fn open(dir: impl AsRef<Path>, synchronous: Synchronous) -> Result<Self, StorageError> {
        let dir = dir.as_ref();
        make_private(dir)?;
        let lock = lock(dir)?;
        let path = dir.join("eventlog.db");
        make_file(&path)?;
        let connection = schema::open_for_writing(&path, synchronous)?;
        let writer = Writer::start(connection)?;
        Ok(Self { writer: Some(writer), readers: Arc::new(Readers::new(path)), _lock: Some(lock) })
    }

    /// Opens the storage in a directory for reading only, beside a server that may be writing to it. Nothing is made.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when there is none or it cannot be read; [`StorageError::Damaged`] when the file is not of
    /// this version of the storage, or broken.
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self, StorageError> {
        let path = dir.as_ref().join("eventlog.db");
        if let Err(error) = std::fs::metadata(&path) {
            return Err(at(&path, "read", &error));
        }
        let readers = Readers::new(path);
        readers.with(schema::check_readable)?;
        Ok(Self { writer: None, readers: Arc::new(readers), _lock: None })
    }

    fn writer(&self) -> Result<&Writer, StorageError> {
        self.writer.as_ref().ok_or_else(|| StorageError::misuse("it was opened for reading only"))
    }

    fn reading<'a, T, F>(&self, read: F) -> StorageFuture<'a, T>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || readers.with(read)).await.map_err(StorageError::unavailable)?
        })
    }
}

impl Storage for SqliteStorage {
    fn load<'a>(&'a self, store_id: &'a str) -> StorageFuture<'a, Option<LogState>> {
        let store_id = store_id.to_owned();
        self.reading(move |db| schema::log_state(db, &store_id).map(|found| found.map(|(_, log)| log)))
    }

    fn create<'a>(&'a self, store_id: &'a str, backend_id: &'a str) -> StorageFuture<'a, LogState> {
        match self.writer() {
            Ok(writer) => Box::pin(writer.create(store_id, backend_id)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn append<'a>(&'a self, store_id: &'a str, log: &'a LogState, entries: Vec<Entry>) -> StorageFuture<'a, Appended> {
        match self.writer() {
            Ok(writer) => Box::pin(writer.append(store_id, log, entries)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn read<'a>(&'a self, store_id: &'a str, after: u64, max: ReadMax) -> StorageFuture<'a, Vec<Entry>> {
        let store_id = store_id.to_owned();
        self.reading(move |db| reader::read(db, &store_id, after, max))
    }

    fn origins<'a>(&'a self, store_id: &'a str, nonces: Vec<Nonce>) -> StorageFuture<'a, Vec<Option<u64>>> {
        let store_id = store_id.to_owned();
        self.reading(move |db| reader::origins(db, &store_id, &nonces))
    }

    fn stores<'a>(&'a self, after: Option<&'a str>, max: usize) -> StorageFuture<'a, Vec<StoreSummary>> {
        let after = after.map(str::to_owned);
        self.reading(move |db| reader::stores(db, after.as_deref(), max))
    }

    fn verify(&self) -> StorageFuture<'_, Option<String>> {
        self.reading(reader::verify)
    }
}

fn make_private(dir: &Path) -> Result<(), StorageError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| at(dir, "make the directory", &error))
}

/// Makes the file so that only its owner reads what clients wrote; SQLite gives its side files the same rights.
fn make_file(path: &Path) -> Result<(), StorageError> {
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| at(path, "make the file", &error))
}

fn lock(dir: &Path) -> Result<File, StorageError> {
    let path: PathBuf = dir.join("server.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(|error| at(&path, "open the lock", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::unavailable(format!(
            "another server holds `{}`; stop it, or give this one a directory of its own",
            dir.display()
        ))),
        Err(TryLockError::Error(error)) => Err(at(&path, "lock", &error)),
    }
}

fn at(path: &Path, what: &str, error: &std::io::Error) -> StorageError {
    StorageError::unavailable(format!("cannot {what} `{}`: {error}", path.display()))
}
