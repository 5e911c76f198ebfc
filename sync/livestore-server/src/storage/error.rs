/// Why a storage could not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// It cannot work now (busy, disk full, no connection); nothing was done. Worth trying again.
    #[error("the storage cannot work now: {reason}")]
    Unavailable {
        /// What it says.
        reason: String,
    },
    /// A commit was begun and its outcome is not known. Load the log's state before the next append.
    #[error("it is not known whether the events were stored: {reason}")]
    Unknown {
        /// What it says.
        reason: String,
    },
    /// What it holds contradicts itself, or is of another version.
    #[error("the storage is damaged: {reason}")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// The caller broke the contract, for example by events that are not numbered on from the head.
    #[error("the storage was misused: {reason}")]
    Misuse {
        /// How.
        reason: String,
    },
}

/// What another library says, as text.
pub(crate) struct Reason(String);

impl<T: std::fmt::Display> From<T> for Reason {
    fn from(said: T) -> Self {
        Self(said.to_string())
    }
}

impl StorageError {
    pub(crate) fn unavailable(reason: impl Into<Reason>) -> Self {
        Self::Unavailable { reason: reason.into().0 }
    }

    pub(crate) fn damaged(reason: impl Into<Reason>) -> Self {
        Self::Damaged { reason: reason.into().0 }
    }

    pub(crate) fn misuse(reason: impl Into<Reason>) -> Self {
        Self::Misuse { reason: reason.into().0 }
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::damaged(error),
            _ => Self::unavailable(error),
        }
    }
}
