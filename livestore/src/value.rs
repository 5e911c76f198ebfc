//! SQL values, and the Rust types that a table column can hold.

mod column;
mod default;
mod json;
mod row;
mod timestamp;

pub use column::{ColumnType, ColumnValue, SqlType};
pub use default::TakesDefault;
pub use json::Json;
pub use row::Row;
pub use rusqlite::types::ValueRef;
pub use timestamp::Timestamp;

use std::fmt;

/// One value as SQLite stores it: what is bound to a statement, or read from a row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SqlValue {
    /// SQL `NULL`.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float; never NaN, which SQLite would turn into `NULL`.
    Real(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// The id of the session that runs the statement, resolved when it is bound.
    SessionId,
}

/// A value that does not fit the column or the Rust type it is meant for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    message: String,
}

impl ValueError {
    /// Makes an error from a message that names the value and what was expected.
    ///
    /// ```
    /// let error = livestore::ValueError::new("`purple` is not a status; expected `open` or `done`");
    /// assert!(error.to_string().contains("purple"));
    /// ```
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    pub(crate) fn unexpected(expected: &str, found: ValueRef<'_>) -> Self {
        Self::new(format!("expected {expected}, found {}", Shown(found)))
    }
}

/// A value cut to a length that fits an error message.
struct Shown<'a>(ValueRef<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ValueRef::Null => f.write_str("NULL"),
            ValueRef::Integer(value) => write!(f, "integer {value}"),
            ValueRef::Real(value) => write!(f, "real {value}"),
            ValueRef::Text(bytes) => {
                let text: String = String::from_utf8_lossy(bytes).chars().take(60).collect();
                write!(f, "text {text:?}")
            }
            ValueRef::Blob(bytes) => write!(f, "a blob of {} bytes", bytes.len()),
        }
    }
}

impl rusqlite::ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        let value = match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::SessionId => {
                return Err(rusqlite::Error::ToSqlConversionFailure(
                    "a session id is resolved before a statement is bound".into(),
                ));
            }
        };
        Ok(rusqlite::types::ToSqlOutput::Borrowed(value))
    }
}
