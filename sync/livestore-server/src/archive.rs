//! Logs as files: exported, imported and checked.
//!
//! # The format
//!
//! A file is UTF-8 text of JSON objects, one a line, each line ended by `\n`. Version 1:
//!
//! ```text
//! {"livestore":"eventlog","version":1,"storeId":"notes","backendId":"V1StGXR8","head":2}
//! {"at":1764080000000,"by":"ada","event":{"name":"v1.TodoCreated","args":{"id":"a"},"seqNum":1,"parentSeqNum":0,"clientId":"c","sessionId":"s"}}
//! {"at":1764080000250,"event":{"name":"v1.TodoCompleted","args":{"id":"a"},"seqNum":2,"parentSeqNum":1,"clientId":"c","sessionId":"s"}}
//! {"end":{"events":2,"sha256":"…"}}
//! ```
//!
//! - The header names the log and says how many events follow (`head`): all of them, from 1.
//! - An event has `at`, when the server took it in milliseconds since 1970; `by`, who pushed it, where that is known; and `event`,
//!   as it goes to clients, with the args byte for byte. Args that hold a line break between their parts, which JSON allows, would
//!   break the line: such an event stands as `text` instead, the same JSON inside a JSON string.
//! - Commit groups (`group` of an event counts the events that follow) are never cut.
//! - The last line counts the events, and has the SHA-256 in hex of all lines before it, so that a file that was cut or changed
//!   is noticed.
//!
//! A reader reads over fields that it does not know; what an older reader would get wrong raises `version`.

mod check;
mod error;
mod export;
mod format;
mod groups;
mod import;
mod read;

pub use check::{CheckError, check};
pub use error::ArchiveError;
pub use export::export;
pub use format::Header;
pub use import::{Identity, ImportError, Imported, import};
pub use read::{verify, verify_with};

/// How far an export, an import or a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Events that are done.
    pub done: u64,
    /// Events that there are.
    pub of: u64,
}

/// What one read of a storage takes.
const PAGE: crate::storage::ReadMax = crate::storage::ReadMax::SCAN;
