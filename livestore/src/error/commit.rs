use super::{ConstraintKind, Error, QueryError, StorageError};

/// Why a commit was refused. Nothing changed, and the store goes on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// An event's payload has no faithful JSON form.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A materializer gave back an error, or one of its writes failed.
    #[error("event `{event}` cannot be materialized: {source}")]
    Materialize {
        /// The event's wire name.
        event: String,
        /// What the materializer gave back.
        source: Error,
    },
    /// A materializer panicked.
    #[error("the materializer of event `{event}` panicked: {message}")]
    Panicked {
        /// The event's wire name.
        event: String,
        /// The panic's message.
        message: String,
    },
    /// The commit holds more than one group may.
    #[error(
        "a commit of {events} events and {bytes} bytes is too large; at most {events_max} events and {bytes_max} bytes make one atomic group, split it"
    )]
    GroupTooLarge {
        /// How many events.
        events: usize,
        /// Their encoded size in bytes.
        bytes: usize,
        /// The bound on events.
        events_max: usize,
        /// The bound on bytes.
        bytes_max: usize,
    },
    /// The leader is too far behind; the journal is full.
    #[error("{bytes} bytes of committed events wait for the leader, at most {bytes_max} may; try again shortly")]
    Backlogged {
        /// How much waits, in bytes.
        bytes: u64,
        /// The bound in bytes.
        bytes_max: u64,
    },
    /// Too many events wait for confirmation.
    #[error("{pending} events are pending, at most {pending_max} may be")]
    PendingFull {
        /// How many are pending.
        pending: usize,
        /// The bound.
        pending_max: usize,
    },
    /// The store was called from inside a live query's own closure.
    #[error("the store is busy on this thread: a live query or a materializer cannot commit")]
    Reentrant,
    /// The store was shut down or stopped.
    #[error("the store is closed: {reason}")]
    Closed {
        /// Why.
        reason: String,
    },
    /// The disk or memory failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why an event's payload cannot be written as JSON that every client reads back the same.
#[derive(Clone, Debug, thiserror::Error)]
#[error("event `{event}` cannot be encoded: {message}")]
pub struct EncodeError {
    /// The event's wire name.
    pub event: String,
    /// Which field, its value, and what to do.
    pub message: String,
}

impl CommitError {
    /// The sort of constraint that a write of the materializer violated, if that is why the commit was refused.
    ///
    /// ```
    /// # use livestore::*;
    /// # #[event("v1.Named")] pub struct Named { pub name: String }
    /// # #[table("names")] pub struct Name { #[column(primary_key)] pub name: String }
    /// # #[schema(events(Named), tables(Name))] pub struct App;
    /// # #[materializers] impl App { fn named(event: Named) -> impl IntoWrites { Name { name: event.name }.insert() } }
    /// # fn main() -> Result<()> {
    /// let store = Store::<App>::open(memory(), "names")?;
    /// store.commit(Named { name: "ann".into() })?;
    /// let taken = store.commit(Named { name: "ann".into() }).unwrap_err();
    /// assert_eq!(taken.constraint(), Some(ConstraintKind::PrimaryKey));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn constraint(&self) -> Option<ConstraintKind> {
        let Self::Materialize { source, .. } = self else { return None };
        match source.downcast_ref() {
            Some(QueryError::Constraint { kind, .. }) => Some(*kind),
            _ => None,
        }
    }

    /// Sorts a failure inside a materializer: a storage fault is not the event's fault.
    pub(crate) fn materialize(event: &str, source: Error) -> Self {
        if let Some(storage) = source.downcast_ref::<StorageError>() {
            return Self::Storage(storage.clone());
        }
        if let Some(QueryError::Storage(storage)) = source.downcast_ref::<QueryError>() {
            return Self::Storage(storage.clone());
        }
        Self::Materialize { event: event.to_owned(), source }
    }
}
