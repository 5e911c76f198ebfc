//! Sorts SQLite's errors: whose fault is it, the statement's, the data's, or the disk's?

use crate::error::{ConstraintKind, QueryError, StorageError, StorageKind};
use rusqlite::{ErrorCode, ffi};
use std::path::Path;

/// The error of an application's statement.
pub(crate) fn query_error(error: rusqlite::Error, sql: &str, path: Option<&Path>) -> QueryError {
    if let Some(kind) = storage_kind(&error) {
        return storage(kind, &error, path).into();
    }
    let sql = shown(sql);
    match error {
        rusqlite::Error::SqliteFailure(code, message) if code.code == ErrorCode::ConstraintViolation => {
            let kind = constraint_kind(code.extended_code);
            QueryError::Constraint { kind, message: message.unwrap_or_else(|| code.to_string()), sql }
        }
        rusqlite::Error::SqliteFailure(code, message) => {
            QueryError::Sql { message: message.unwrap_or_else(|| code.to_string()), sql }
        }
        rusqlite::Error::SqlInputError { msg, .. } => QueryError::Sql { message: msg, sql },
        rusqlite::Error::MultipleStatement => {
            QueryError::Forbidden { what: "more than one statement in one text".into(), sql }
        }
        rusqlite::Error::InvalidParameterCount(given, marks) => QueryError::Sql {
            message: format!("the statement has {marks} marks for values, {given} values were given"),
            sql,
        },
        other => QueryError::Sql { message: other.to_string(), sql },
    }
}

fn constraint_kind(extended_code: std::ffi::c_int) -> ConstraintKind {
    match extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE => ConstraintKind::Unique,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => ConstraintKind::PrimaryKey,
        // No state has a trigger but those by which SQLite keeps what a foreign key restricts.
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY | ffi::SQLITE_CONSTRAINT_TRIGGER => ConstraintKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_CHECK => ConstraintKind::Check,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        _ => ConstraintKind::Other,
    }
}

/// The error of one of the library's own statements: whatever it is, it is no event's fault.
pub(crate) fn storage_error(error: &rusqlite::Error, path: Option<&Path>) -> StorageError {
    storage(storage_kind(error).unwrap_or_else(|| library_kind(error)), error, path)
}

/// The library's statements fit its tables: where they do not compile, or a value is not of its column's type, something
/// else changed the file.
fn library_kind(error: &rusqlite::Error) -> StorageKind {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, SqlInputError, SqliteFailure, Utf8Error,
    };
    match error {
        SqlInputError { .. }
        | FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | Utf8Error(..) => StorageKind::Damaged,
        SqliteFailure(code, _) if code.code == ErrorCode::Unknown => StorageKind::Damaged,
        _ => StorageKind::Io,
    }
}

fn storage(kind: StorageKind, error: &rusqlite::Error, path: Option<&Path>) -> StorageError {
    StorageError { kind, path: path.map(Path::to_owned), message: error.to_string() }
}

fn storage_kind(error: &rusqlite::Error) -> Option<StorageKind> {
    let code = match error {
        rusqlite::Error::SqliteFailure(code, _) => code,
        rusqlite::Error::SqlInputError { error, .. } => error,
        _ => return None,
    };
    match code.code {
        ErrorCode::DiskFull => Some(StorageKind::Full),
        ErrorCode::DatabaseCorrupt => Some(StorageKind::Damaged),
        ErrorCode::NotADatabase => Some(StorageKind::NotADatabase),
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Some(StorageKind::NotWritable),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(StorageKind::Busy),
        ErrorCode::OutOfMemory | ErrorCode::OperationInterrupted | ErrorCode::OperationAborted => {
            Some(StorageKind::Resources)
        }
        _ if is_of_the_statement(code) => None,
        _ => Some(StorageKind::Io),
    }
}

/// Whether the statement or its data is to blame: the only errors by which a group is quarantined. A list of these, not of the
/// others, so that a code that nobody thought of stops the step and is tried again.
fn is_of_the_statement(code: &ffi::Error) -> bool {
    match code.code {
        ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::ParameterOutOfRange
        // A value or a statement that is longer than any may be: the next try makes the same one.
        | ErrorCode::TooBig
        | ErrorCode::AuthorizationForStatementDenied => true,
        // Many codes have no name there; this one is any mistake in SQL. Its other forms say that a snapshot is gone, or that
        // SQLite itself is to try again.
        _ => matches!(code.extended_code, ffi::SQLITE_ERROR | ffi::SQLITE_ERROR_MISSING_COLLSEQ),
    }
}

/// The statement, cut to a length that fits an error message.
pub(crate) fn shown(sql: &str) -> String {
    const CHARS_MAX: usize = 200;
    match sql.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &sql[..end]),
        None => sql.to_owned(),
    }
}
