use super::StorageError;
use crate::value::ValueError;

/// Why a query gave no result. The store stays usable.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The statement writes; only materializers write.
    #[error("the query API does not run statements that write: `{sql}`; commit an event and write in its materializer")]
    Writes {
        /// The statement.
        sql: String,
    },
    /// The statement does what no statement of an application may do (PRAGMA, ATTACH, DDL, transactions).
    #[error("{what} is not allowed here: `{sql}`")]
    Forbidden {
        /// The offence in words.
        what: String,
        /// The statement.
        sql: String,
    },
    /// SQLite refused the statement.
    #[error("{message}: `{sql}`")]
    Sql {
        /// What SQLite said.
        message: String,
        /// The statement.
        sql: String,
    },
    /// A constraint of the schema was violated by a write.
    #[error("{message}: `{sql}`")]
    Constraint {
        /// What sort of constraint, for code that branches.
        kind: ConstraintKind,
        /// Which constraint.
        message: String,
        /// The statement.
        sql: String,
    },
    /// A stored value is not of the type that was asked for.
    #[error("column `{column}`: {source}")]
    Decode {
        /// The column's name, or its number from 1.
        column: String,
        /// The mismatch.
        source: ValueError,
    },
    /// A value cannot be bound or written.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// `one()` met no row, or more than one.
    #[error("expected exactly one row, found {found}: `{sql}`; use `first()` where the row may be missing")]
    NotOne {
        /// How many rows there are: `0` or `more than 1`.
        found: &'static str,
        /// The statement.
        sql: String,
    },
    /// A builder was put together in a way that no SQL expresses.
    #[error("{0}")]
    Builder(String),
    /// The store was called from inside a live query's own closure; read through its `cx` instead.
    #[error("the store is busy on this thread: inside a live query or a materializer read through its `cx`")]
    Reentrant,
    /// A computation that this query reads failed or panicked.
    #[error("live query `{label}` failed: {message}")]
    Live {
        /// The live query.
        label: String,
        /// What went wrong.
        message: String,
    },
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

/// What sort of constraint a write violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConstraintKind {
    /// Another row has these values in a `unique` column or index.
    Unique,
    /// Another row has this primary key.
    PrimaryKey,
    /// The row refers to one that is not there, or is still referred to.
    ForeignKey,
    /// A `check` does not hold.
    Check,
    /// A required column has no value.
    NotNull,
    /// Any other, such as a value of another type than the column's.
    Other,
}
