use crate::git::GitError;
use livestore::{CommitError, OpenError, QueryError, ShutdownError};

/// Why a command failed, in one line for people.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl ToString) -> Self {
        Self(message.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Some messages come from other programs; one line is what a script reads.
        f.write_str(&self.0.lines().collect::<Vec<_>>().join(" "))
    }
}

macro_rules! into_failure {
    ($($from:ty),*) => {$(
        impl From<$from> for Failure {
            fn from(error: $from) -> Self {
                Self::new(error)
            }
        }
    )*};
}

into_failure!(GitError, CommitError, OpenError, QueryError, ShutdownError, std::io::Error, serde_json::Error);
