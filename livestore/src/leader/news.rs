//! What a leader tells a session, in order.

use super::{StatePosition, Verdict};
use crate::event::{CommitGroup, SequenceNumber};
use crate::ids::EventId;
use crate::sqlite::Db;
use crate::sync::Replaced;
use std::sync::Arc;

/// One piece of news. A session that takes all of them, in order, has the leader's view.
#[derive(Debug)]
pub(crate) enum News {
    /// The leader took the group into its pending part, behind all that it took before. Only where there is a backend.
    Accepted(Accepted),
    /// The group has its place in the log.
    Confirmed(Published),
    /// The backend will never take the group: it left the pending part.
    Dropped(Dropped),
    /// What was confirmed is not any more, because the backend is new or another one: begin again with this copy of the leader's
    /// state. The leader's pending part follows, each group as [`Accepted`](Self::Accepted).
    Restart(Box<Restart>),
}

/// What a session begins again with.
#[derive(Debug)]
pub(crate) struct Restart {
    pub(crate) state: Db,
    pub(crate) position: StatePosition,
    /// The last ordinal of the session's journal that the leader has taken: what became of it is in the copy, or told after it, or
    /// it was kept aside.
    pub(crate) taken: u64,
}

/// A group in the leader's pending part.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) group: Arc<CommitGroup>,
    /// Counts what the leader ever took into its pending part; never used twice.
    pub(crate) seq: u64,
}

/// A group that the leader published, in log order.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) group: Arc<CommitGroup>,
    /// The place and the number of its last event.
    pub(crate) place: u64,
    pub(crate) number: SequenceNumber,
    pub(crate) verdict: Verdict,
    /// The events of the pending part that it settles, where they had another identity there.
    pub(crate) replaces: Option<Replaced>,
}

/// A group that the backend rejected.
#[derive(Clone, Debug)]
pub(crate) struct Dropped {
    pub(crate) id: EventId,
    /// The head of the log when it was.
    pub(crate) place: u64,
    pub(crate) reason: Arc<str>,
}
