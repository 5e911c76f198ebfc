use super::{Error, StorageError, StorageKind};
use crate::ids::InvalidStoreId;
use std::path::PathBuf;

/// Why a store could not be opened. Nothing on disk was changed for the worse.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store id breaks its rules.
    #[error(transparent)]
    StoreId(#[from] InvalidStoreId),
    /// The schema contradicts itself.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The store is open with another schema, in this process or another.
    #[error("store `{store_id}` is open with {}", other_schema(open, requested))]
    OtherSchema {
        /// The store.
        store_id: String,
        /// The schema it is open with.
        open: String,
        /// The schema asked for; the same name where it is another version of that schema.
        requested: String,
    },
    /// Another process has the store open, and this one cannot follow it.
    #[error("store `{store_id}` in {} is in use by another process that cannot be joined: {reason}; close it there first", path.display())]
    InUse {
        /// The store.
        store_id: String,
        /// Its folder.
        path: PathBuf,
        /// Why it cannot be joined.
        reason: String,
    },
    /// The directory was written by a newer version of this library.
    #[error("{} has format {found}, this version reads up to {supported}; update the application", path.display())]
    NewerFormat {
        /// The file that says so.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest this version knows.
        supported: u64,
    },
    /// A file is there under our name that is not ours.
    #[error("{} is not a LiveStore file ({message}); choose another directory or move it away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How we know.
        message: String,
    },
    /// The eventlog is damaged. Its events were left as they are.
    #[error("the eventlog {} is damaged ({message}); its events were left as they are: copy the folder, then restore a backup or recover it with the `sqlite3` program's `.recover`", path.display())]
    DamagedLog {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The eventlog holds an event that this schema does not know, and the policy is `fail`.
    #[error(
        "event `{event}` is in the eventlog but not in schema `{schema}`; update the application or choose another unknown-event policy"
    )]
    UnknownEvent {
        /// The event's wire name.
        event: String,
        /// The schema.
        schema: String,
    },
    /// The boot closure failed.
    #[error("the boot closure failed: {0}")]
    Boot(Error),
    /// The disk or memory failed.
    #[error(transparent)]
    Storage(StorageError),
}

/// Damage of the log may show at any step, also while the first session reads: it has one answer.
impl From<StorageError> for OpenError {
    fn from(error: StorageError) -> Self {
        match (error.log(), error.kind) {
            (Some(log), StorageKind::Damaged) => Self::DamagedLog { path: log.to_owned(), message: error.message },
            (Some(log), StorageKind::NotADatabase) => Self::Foreign { path: log.to_owned(), message: error.message },
            _ => Self::Storage(error),
        }
    }
}

fn other_schema(open: &str, requested: &str) -> String {
    if open == requested {
        return format!(
            "another version of schema `{open}` (its tables, events or materializers differ); close it there, or run the same build"
        );
    }
    format!("schema `{open}`, it cannot also be opened with `{requested}`; close the first, or use another store id")
}

/// A schema that contradicts itself in a way the compiler could not see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schema `{schema}`: {message}")]
pub struct SchemaError {
    /// The schema's name.
    pub schema: String,
    /// What contradicts what, and what to do.
    pub message: String,
}
