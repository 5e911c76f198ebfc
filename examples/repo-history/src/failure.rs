use crate::git::GitError;
use livestore::{CommitError, OpenError, QueryError, ShutdownError, WaitError};

/// Why a command failed, in one line for people.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
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
                Self(error.to_string())
            }
        }
    )*};
}

into_failure!(
    GitError,
    CommitError,
    OpenError,
    QueryError,
    ShutdownError,
    WaitError,
    std::io::Error,
    serde_json::Error
);
