use crate::event::SequenceNumber;
use crate::leader::{LeaderState, Quarantined};
use std::path::PathBuf;

/// How a store is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreStatus {
    /// The head that this session's queries see, counting its pending events.
    pub local_head: SequenceNumber,
    /// The head of the eventlog, as far as this session has applied it.
    pub upstream_head: SequenceNumber,
    /// Events of this session that are not in the eventlog yet. They are safe in the journal.
    pub pending: usize,
    /// Whether everything in the eventlog survives a power loss.
    pub is_durable: bool,
    /// What the leader does.
    pub leader: LeaderState,
    /// Commit groups in the eventlog that could not be materialized; the last 1,000 of them.
    pub quarantined: Vec<Quarantined>,
    /// Files that are kept, and that nothing removes by itself:
    /// - `eventlog-kept-N.db`: a copy of the eventlog from when another backend took its place, see
    ///   [`OnOtherBackend::KeepAside`](crate::OnOtherBackend::KeepAside). It holds the only copy of what was pending then. Read it with
    ///   [`kept_events`](crate::kept_events), commit again what you want of it, and only then remove it.
    /// - `journal-….damaged`: a journal of an ended session that could not be read whole. What was readable of it is in the eventlog; what
    ///   was not may be events that are nowhere else. Keep it as long as these may be missed.
    pub kept_aside: Vec<PathBuf>,
    /// Why the store is closed or stopped, if it is.
    pub closed: Option<String>,
}
