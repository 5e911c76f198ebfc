//! The data directory: `livestore.json`, and a folder for each store.

use super::super::random;
use crate::crash::{FileOp, file_point, write_all};
use crate::error::{OpenError, StorageError, StorageKind};
use crate::ids::{ClientId, StoreId};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The version of the directory's layout.
const FORMAT: u64 = 1;

/// An open data directory.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    client_id: ClientId,
}

/// `livestore.json`. Fields that a newer version adds are ignored; a newer format is refused.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    format: u64,
    client_id: String,
}

impl Directory {
    /// Opens the directory, creating it and the client's identity where they are missing.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let fail = |error: std::io::Error| OpenError::from(StorageError::io(path, &error));
        std::fs::create_dir_all(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => not_a_directory(path),
            // Its parent is no place for directories: the disk is not to blame.
            ErrorKind::NotFound => {
                let message = "the directory cannot be made there".to_owned();
                StorageError { kind: StorageKind::NotWritable, path: Some(path.to_owned()), message }.into()
            }
            _ => fail(error),
        })?;
        let path = path.canonicalize().map_err(fail)?;
        let file = path.join("livestore.json");
        let text = match file_point(&file, FileOp::Read).and_then(|()| std::fs::read_to_string(&file)) {
            Err(error) if error.kind() == ErrorKind::NotFound => create_identity(&path, &file)?,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(OpenError::Foreign { path: file, message: "it is not text".into() });
            }
            read => read.map_err(|error| OpenError::from(StorageError::io(&file, &error)))?,
        };
        let client_id = read_identity(&file, &text)?;
        Ok(Self { path, client_id })
    }

    pub(super) fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The folder of a store, created where it is missing.
    pub(super) fn store_folder(&self, store_id: &StoreId) -> Result<PathBuf, OpenError> {
        let folder = self.path.join(store_id.folder());
        let is_new = !folder.exists();
        std::fs::create_dir_all(&folder).map_err(|error| StorageError::io(&folder, &error))?;
        if is_new {
            sync_directory(&self.path); // What is durable in it must be found, too.
        }
        Ok(folder)
    }
}

fn not_a_directory(path: &Path) -> OpenError {
    let message = "it is a file, not a directory".to_owned();
    StorageError { kind: StorageKind::NotWritable, path: Some(path.to_owned()), message }.into()
}

fn read_identity(file: &Path, text: &str) -> Result<ClientId, OpenError> {
    let foreign = |message: String| OpenError::Foreign { path: file.to_owned(), message };
    // The format first: a newer one may spell the rest in another way.
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| foreign(error.to_string()))?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    if let Some(found) = format.filter(|found| *found > FORMAT) {
        return Err(OpenError::NewerFormat { path: file.to_owned(), found, supported: FORMAT });
    }
    let identity: Identity = serde_json::from_value(value).map_err(|error| foreign(error.to_string()))?;
    let is_id = identity.client_id.len() == 6
        && identity.client_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !is_id {
        return Err(foreign(format!("`{}` is no client id", identity.client_id)));
    }
    Ok(ClientId::from_stored(&identity.client_id))
}

/// Writes the file whole under another name and links it into place: of two processes that race, one wins and both read
/// what it wrote.
fn create_identity(directory: &Path, file: &Path) -> Result<String, OpenError> {
    let fail = |error: std::io::Error| OpenError::from(StorageError::io(file, &error));
    let identity = Identity { format: FORMAT, client_id: ClientId::mint(&random).to_string() };
    let text = serde_json::to_string(&identity).map_err(|error| fail(error.into()))?;
    let unborn = directory.join(format!("livestore.json.{}.new", identity.client_id));
    let written = file_point(file, FileOp::Open).and_then(|()| File::create(&unborn)).and_then(|unborn| {
        write_all(&unborn, file, text.as_bytes())?;
        file_point(file, FileOp::Sync)?;
        unborn.sync_all()
    });
    let written = written.and_then(|()| file_point(file, FileOp::Rename));
    let linked = written.and_then(|()| match std::fs::hard_link(&unborn, file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no hard links; a rename is as whole, and a race costs the loser its name only.
        Err(error) if error.kind() == ErrorKind::Unsupported => std::fs::rename(&unborn, file),
        linked => linked,
    });
    let _ = std::fs::remove_file(&unborn); // A stray file does no harm.
    linked.map_err(fail)?;
    sync_directory(directory);
    file_point(file, FileOp::Read).and_then(|()| std::fs::read_to_string(file)).map_err(fail)
}

/// Makes names in the directory survive a power loss, where the system can.
fn sync_directory(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all(); // Not every file system syncs directories.
    }
}

/// The right to lead a store. Released when it is dropped, or by the system when the process ends; the file is never
/// removed, so that nobody can hold a lock on a file that is gone.
#[derive(Debug)]
pub(super) struct LeaderLock {
    file: File,
}

impl Drop for LeaderLock {
    fn drop(&mut self) {
        // Not left to the closing: a child that this process is starting holds a copy of the handle for a moment.
        let _ = self.file.unlock();
    }
}

impl LeaderLock {
    /// `None` where another holds it.
    pub(super) fn try_acquire(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = folder.join("leader.lock");
        let fail = |error: std::io::Error| OpenError::from(StorageError::io(&path, &error));
        file_point(&path, FileOp::Open).map_err(fail)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }
}
