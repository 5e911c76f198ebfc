//! The merge: one node's view of the order of events. Both hops use it, the leader over its backend and a session over its leader.

use crate::ids::EventId;

/// A commit group that is not settled yet, as the merge sees it.
pub(crate) trait Pending {
    /// The id of its first event: names the group.
    fn id(&self) -> EventId;
    /// How many events it has.
    fn events(&self) -> usize;
    /// Whether it holds a synced event. One that does not is confirmed as soon as nothing before it is pending.
    fn is_synced(&self) -> bool;
}

/// What upstream says, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Upstream<G> {
    /// The next node up took the group into its own pending part, after all that it took before.
    Accepted(G),
    /// The group has its final place, right after all that were confirmed before.
    Confirmed {
        /// The place before it, counted in events: checked against what is known.
        parent: u64,
        /// The group, with the identity that it has there.
        group: G,
        /// Where that is not the identity that it was pending under.
        replaces: Option<Replaced>,
    },
    /// The group will never be confirmed.
    Dropped(EventId),
}

/// The first events of a pending group that were confirmed under other identities, by a backend that keeps none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// The first event of the pending group.
    pub(crate) id: EventId,
    /// How many of its first events are settled by this.
    pub(crate) events: usize,
}
