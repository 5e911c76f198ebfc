//! What one batch from upstream did to an order.

use crate::mutant::{self, Mutant};

/// What was confirmed and dropped, and from where state has to be done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change<G> {
    /// The groups that were confirmed, in their final order.
    pub(crate) settled: Vec<Settled<G>>,
    /// The groups that will never be.
    pub(crate) dropped: Vec<G>,
    /// The first group, counted over `settled` and then what is pending now, that state does not hold at that place yet. State
    /// is undone to there, then done from there. `None` where state is as it has to be.
    pub(crate) first: Option<usize>,
    before: usize,
}

/// A confirmed group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled<G> {
    pub(crate) group: G,
    pub(crate) how: How,
}

/// What a confirmed group was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum How {
    /// The first pending one, just so: nothing but the boundary moved.
    InPlace,
    /// Pending too, but later, or under another identity.
    Moved,
    /// Not pending here.
    New,
}

impl<G> Change<G> {
    pub(super) fn over(before: usize) -> Self {
        Self { settled: Vec::new(), dropped: Vec::new(), first: None, before }
    }

    /// Whether something that was applied has to be undone. Otherwise it is an advance: at most something is added at the end.
    pub(crate) fn is_rebase(&self) -> bool {
        self.first.is_some_and(|first| first < self.before)
    }

    /// How many of the groups that were pending before have to be undone, from the last one on.
    pub(crate) fn undone(&self) -> usize {
        self.first.map_or(0, |first| self.before.saturating_sub(first))
    }

    pub(super) fn settle(&mut self, group: G, how: How) {
        self.settled.push(Settled { group, how });
    }

    pub(super) fn differs_at_pending(&mut self, at: usize) {
        let at = self.settled.len() + at + usize::from(mutant::is(Mutant::RedoesTooLate));
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
    }
}
