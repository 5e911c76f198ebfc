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
    /// Journals of ended sessions that could not be read whole, what was readable of them is in the eventlog; and eventlogs that another
    /// backend took the place of, see [`OnOtherBackend::KeepAside`](crate::OnOtherBackend::KeepAside). The files are kept, for you to
    /// look at and remove.
    pub kept_aside: Vec<PathBuf>,
    /// Why the store is closed or stopped, if it is.
    pub closed: Option<String>,
}
