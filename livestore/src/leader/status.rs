use crate::error::StorageError;
use crate::event::SequenceNumber;
use crate::sync::SyncStatus;
use std::path::PathBuf;

/// What the leader does right now.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum LeaderState {
    /// It takes what sessions commit.
    #[default]
    Running,
    /// A step failed and is tried again; commits go on into the journals.
    Retrying {
        /// What failed.
        error: StorageError,
        /// How long until the next try, in milliseconds.
        retry_in_ms: u64,
    },
    /// Another process leads, and has not answered for some seconds: it may be stopped. Commits go on into the journals, and
    /// are taken when it goes on or ends.
    Silent,
    /// The process that led is gone or cannot be reached, and this one looks for another. Commits go on into the journals.
    Unreachable {
        /// What was tried last.
        reason: String,
    },
    /// It ended.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// A commit group that is in the eventlog but not in state, because it could not be materialized at its place.
///
/// It is judged again on every rebuild, and state is rebuilt when a materializer or an event's fields change: a fixed materializer
/// heals it, and so does `#[serde(default)]` at a field that older events lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The number of the group's last event.
    pub number: SequenceNumber,
    /// How many events the group has.
    pub events: usize,
    /// The wire name of its first event.
    pub event: String,
    /// Why it could not be materialized.
    pub reason: String,
}

/// The leader's side of a store's status.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaderStatus {
    /// Counts the changes of this, and what sessions were told.
    pub(crate) version: u64,
    pub(crate) state: LeaderState,
    pub(crate) head: SequenceNumber,
    pub(crate) place: u64,
    pub(crate) synced_place: u64,
    /// Counts what ever was pending, and how much of it survives a power loss.
    pub(crate) seq: u64,
    pub(crate) synced_seq: u64,
    pub(crate) sync: SyncStatus,
    /// How often the log began again, and the name of its state file.
    pub(crate) generation: u64,
    pub(crate) state_file: String,
    pub(crate) quarantined: Vec<Quarantined>,
    pub(crate) kept_aside: Vec<PathBuf>,
}
