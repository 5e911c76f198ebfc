use crate::storage::StorageError;

/// Why a file is none that could be imported, or cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It cannot be read or written.
    #[error("the file: {0}")]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("line 1 is not the header of an eventlog: {reason}")]
    NotAnArchive {
        /// What was found.
        reason: String,
    },
    /// A later version of the format.
    #[error("the file has version {version}, and this program reads version 1: use the one that wrote it")]
    OtherVersion {
        /// Its version.
        version: u32,
    },
    /// The file ends before its last line.
    #[error("the file is cut: it ends after line {line}, before its last line")]
    Cut {
        /// The last whole line.
        line: u64,
    },
    /// A line that cannot be taken.
    #[error("line {line}: {reason}")]
    Line {
        /// Which.
        line: u64,
        /// Why.
        reason: String,
    },
    /// The file is not as it was written.
    #[error("the file was changed after it was written: {reason}")]
    Changed {
        /// What does not agree.
        reason: String,
    },
    /// There is no such log.
    #[error("there is no store `{store_id}`; `livestore-server stores` lists those that are there")]
    NoStore {
        /// What was asked for.
        store_id: Box<str>,
    },
    /// The log became another one while it was read.
    #[error("the log of `{store_id}` was replaced while it was read")]
    Replaced {
        /// Whose.
        store_id: Box<str>,
    },
    /// The storage says.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
