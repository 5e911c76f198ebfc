//! What can go wrong: one narrow enum for each operation, and [`Error`] for code that only reports.

mod commit;
mod open;
mod query;
mod storage;

pub use commit::{CommitError, EncodeError};
pub use open::{OpenError, SchemaError};
pub use query::{ConstraintKind, QueryError};
pub(crate) use storage::LOG_FILE;
pub use storage::{StorageError, StorageKind};

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of the library, for code that reports and does not branch. Cheap to clone.
///
/// Operations that callers branch on return their own enum ([`CommitError`], [`QueryError`], [`OpenError`], …); each
/// converts into this one with `?`. [`Error::downcast_ref`] gets it back.
///
/// ```
/// use livestore::{Error, StoreId};
/// let error: Error = StoreId::new("no spaces").unwrap_err().into();
/// assert!(error.to_string().contains("no spaces"));
/// ```
#[derive(Clone)]
pub struct Error(Arc<dyn StdError + Send + Sync>);

impl Error {
    /// Wraps an error of the application, for example one that a materializer gives back.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match source.into().downcast::<Self>() {
            Ok(error) => *error,
            Err(source) => Self(Arc::from(source)),
        }
    }

    /// The error inside, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `fn main() -> Result<()>` prints this form: people read it.
        let mut told = self.to_string();
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Most messages quote their cause.
            if !told.contains(&text) {
                told.push_str("\n  caused by: ");
                told.push_str(&text);
            }
            source = cause.source();
        }
        f.write_str(&told)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

macro_rules! into_error {
    ($($from:ty),* $(,)?) => {$(
        impl From<$from> for Error {
            fn from(error: $from) -> Self {
                Self::new(error)
            }
        }
    )*};
}

into_error!(
    CommitError,
    EncodeError,
    OpenError,
    QueryError,
    SchemaError,
    StorageError,
    crate::ids::InvalidStoreId,
    crate::value::ValueError,
    serde_json::Error,
    std::io::Error,
    // A reason in words, as a materializer gives it.
    &str,
    String,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let quoted = CommitError::Materialize { event: "v1.Made".into(), source: "no such item".into() };
        assert_eq!(format!("{:?}", Error::new(quoted)), "event `v1.Made` cannot be materialized: no such item");
        #[derive(Debug, thiserror::Error)]
        #[error("the import failed")]
        struct Import(#[source] StorageError);
        let cause = StorageError { kind: StorageKind::Full, path: None, message: "no space".into() };
        let told = format!("the import failed\n  caused by: {cause}");
        assert_eq!(format!("{:?}", Error::new(Import(cause))), told);
    }
}
