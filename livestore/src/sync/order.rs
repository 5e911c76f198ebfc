//! The merge: one node's view of the order of events. Both hops use it, the leader over its backend and a session over its leader.

mod change;
#[cfg(test)]
mod tests;

use crate::ids::{EventId, JournalNonce};
use crate::mutant::{self, Mutant};
use std::collections::{BTreeMap, VecDeque};

pub(crate) use change::{Change, How, Settled};

/// The pending part grows by a quarter, from so many groups on. Doubled, a million of them would take the memory of two.
const ROOM_MIN: usize = 16;

/// A commit group that is not settled yet, as the merge sees it.
pub(crate) trait Pending: Sized {
    /// The id of its first event: names the group.
    fn id(&self) -> EventId;
    /// How many events it has.
    fn events(&self) -> usize;
    /// Whether it holds a synced event. One that does not is confirmed as soon as nothing before it is pending.
    fn is_synced(&self) -> bool;
    /// The group without its first events, which a backend that keeps no groups confirmed alone; `None` where nothing is left.
    fn rest(&self, settled: usize) -> Option<Self>;
}

/// What upstream says, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Replaced {
    /// The first event of the pending group.
    pub(crate) id: EventId,
    /// How many of its first events are settled by this.
    pub(crate) events: usize,
}

/// A node's view of the order: what is confirmed (as a count), then what is pending.
///
/// The pending part is first what the next node up accepted, in its order, then the node's own groups, in the order of their
/// commits. A leader over its backend has own groups only. Nothing pending carries a number: that follows from its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Order<G> {
    head: u64,
    epoch: u64,
    pending: VecDeque<G>,
    accepted: usize,
    journals: BTreeMap<JournalNonce, Journal>,
}

/// What of one journal is pending. Tells without a search that most ids are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Journal {
    groups: usize,
    last: EventId,
}

/// Why the merge took nothing. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OrderError {
    /// Something upstream is missing, or came twice: ask again from the head.
    #[error("upstream continues at place {found}, expected {expected}; ask again from there")]
    Gap { expected: u64, found: u64 },
    /// Groups of one journal come in its order, each once.
    #[error("event {id} is not after those of its journal that are pending")]
    Repeated { id: EventId },
}

impl<G: Pending> Order<G> {
    /// Nothing pending on so many confirmed events.
    pub(crate) fn new(head: u64) -> Self {
        Self { head, epoch: 0, pending: VecDeque::new(), accepted: 0, journals: BTreeMap::new() }
    }

    /// How many events are confirmed: the place of the last one.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Counts the rebases. Never goes back, so that it tells what was built on another order.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// All pending groups, in order.
    pub(crate) fn pending(&self) -> &VecDeque<G> {
        &self.pending
    }

    /// Whether a group of this journal is pending. Tells without a search.
    pub(crate) fn has_of_journal(&self, nonce: JournalNonce) -> bool {
        self.journals.contains_key(&nonce)
    }

    /// How many of the pending groups, the first ones, the next node up accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted
    }

    /// The groups that the next node up has not accepted yet, as far as is known here.
    pub(crate) fn own(&self) -> impl Iterator<Item = &G> {
        self.pending.range(self.accepted..)
    }

    /// Appends a group of this node: always an advance.
    ///
    /// # Errors
    ///
    /// [`OrderError::Repeated`] where a group of that journal is pending that is this one or comes after it.
    pub(crate) fn push(&mut self, group: G) -> Result<(), OrderError> {
        let id = group.id();
        if self.journals.get(&id.parts().0).is_some_and(|journal| id <= journal.last) {
            return Err(OrderError::Repeated { id });
        }
        self.insert(self.pending.len(), group);
        Ok(())
    }

    /// Appends a group that was pending before, in the order in which it was kept. Where clients brought the events of a journal
    /// back to another backend, that is not always the order of the journal.
    pub(crate) fn restore(&mut self, group: G) {
        self.insert(self.pending.len(), group);
    }

    /// Takes what upstream says, all or nothing.
    ///
    /// # Errors
    ///
    /// [`OrderError::Gap`] where a confirmed group does not follow the one before it.
    pub(crate) fn upstream(&mut self, batch: Vec<Upstream<G>>) -> Result<Change<G>, OrderError> {
        self.check_parents(&batch)?;
        let mut change = Change::over(self.pending.len());
        for item in batch {
            match item {
                Upstream::Accepted(group) => self.accept(group, &mut change),
                Upstream::Confirmed { group, replaces, .. } => self.confirm(group, replaces, &mut change),
                Upstream::Dropped(id) => self.drop_group(id, &mut change),
            }
        }
        self.epoch += u64::from(change.is_rebase());
        if self.pending.is_empty() && mutant::is(Mutant::EpochResets) {
            self.epoch = 0;
        }
        Ok(change)
    }

    /// For a leader: takes the groups that have no synced event and no synced event before them. They are confirmed where they
    /// are; the leader numbers them. It has to do so after each push and before each group that the backend confirmed: in one
    /// batch with others, that group would pass those that stand before it.
    pub(crate) fn take_confirmable(&mut self) -> Vec<G> {
        let mut taken = Vec::new();
        if mutant::is(Mutant::ClientOnlyLingers) || mutant::is(Mutant::ClientOnlyShiftsTheIndex) {
            return taken;
        }
        while self.accepted == 0 && self.pending.front().is_some_and(|group| !group.is_synced()) {
            let Some(group) = self.remove(0) else { break };
            self.head += group.events() as u64;
            taken.push(group);
        }
        taken
    }

    /// Begins again on another confirmed part. The groups to keep, in their order, are this node's own again: what upstream
    /// accepted, it says anew.
    pub(crate) fn restart(&mut self, head: u64, keep: impl FnMut(&G) -> bool) {
        let mut keep = keep;
        let pending = std::mem::take(&mut self.pending);
        *self = Self { epoch: self.epoch + 1, ..Self::new(head) };
        for group in pending.into_iter().filter(|group| keep(group)) {
            self.insert(self.pending.len(), group);
        }
    }

    fn check_parents(&self, batch: &[Upstream<G>]) -> Result<(), OrderError> {
        let mut expected = self.head;
        for item in batch {
            if let Upstream::Confirmed { parent, group, .. } = item {
                if *parent != expected && !mutant::is(Mutant::NobodyChecksGaps) {
                    return Err(OrderError::Gap { expected, found: *parent });
                }
                expected += group.events() as u64;
            }
        }
        Ok(())
    }

    fn accept(&mut self, group: G, change: &mut Change<G>) {
        match self.position(group.id()).filter(|_| !mutant::is(Mutant::AcceptedTwice)) {
            // Said twice: nothing new.
            Some(at) if at < self.accepted => return,
            Some(at) if at == self.accepted => {}
            Some(at) => {
                self.remove(at);
                change.differs_at_pending(self.accepted);
                self.insert(self.accepted, group);
            }
            None => {
                change.differs_at_pending(self.accepted);
                self.insert(self.accepted, group);
            }
        }
        self.accepted += 1;
    }

    fn confirm(&mut self, group: G, replaces: Option<Replaced>, change: &mut Change<G>) {
        self.head += group.events() as u64;
        let is_same = |front: &G| front.id() == group.id() && front.events() == group.events();
        let is_front = |front: &G| is_same(front) || mutant::is(Mutant::EchoByPosition);
        if replaces.is_none() && self.pending.front().is_some_and(is_front) {
            self.remove(0);
            return change.settle(group, How::InPlace);
        }
        change.differs_at_pending(0);
        let settles = replaces.unwrap_or(Replaced { id: group.id(), events: group.events() });
        if replaces.is_some() && mutant::is(Mutant::ReplacedIsForeign) {
            return change.settle(group, How::New);
        }
        let how = if self.settle(settles) { How::Moved } else { How::New };
        change.settle(group, how);
    }

    /// Takes the first events of a pending group out of the pending part; whether it was there.
    fn settle(&mut self, replaced: Replaced) -> bool {
        let Some(at) = self.position(replaced.id) else { return false };
        if self.pending.front().is_some_and(|group| !group.is_synced()) && mutant::is(Mutant::ClientOnlyShiftsTheIndex)
        {
            return false;
        }
        let was_accepted = at < self.accepted;
        let rest = self.remove(at).and_then(|group| group.rest(replaced.events));
        let rest = rest.filter(|_| !mutant::is(Mutant::RestIsLost));
        if let Some(rest) = rest {
            self.insert(at, rest);
            self.accepted += usize::from(was_accepted);
        }
        true
    }

    fn drop_group(&mut self, id: EventId, change: &mut Change<G>) {
        let Some(at) = self.position(id).filter(|_| !mutant::is(Mutant::DroppedStays)) else { return };
        change.differs_at_pending(at);
        change.dropped.extend(self.remove(at));
    }

    /// Where a group is. A search happens only where a group is out of turn, which a healthy upstream does not do.
    fn position(&self, id: EventId) -> Option<usize> {
        let has = |at: usize| self.pending.get(at).is_some_and(|group| group.id() == id);
        if has(0) {
            return Some(0);
        }
        if has(self.accepted) {
            return Some(self.accepted);
        }
        let journal = self.journals.get(&id.parts().0)?;
        if id > journal.last {
            return None;
        }
        self.pending.iter().position(|group| group.id() == id)
    }

    fn insert(&mut self, at: usize, group: G) {
        let id = group.id();
        let journal = self.journals.entry(id.parts().0).or_insert(Journal { groups: 0, last: id });
        journal.groups += 1;
        journal.last = journal.last.max(id);
        if self.pending.len() == self.pending.capacity() {
            self.pending.reserve_exact(ROOM_MIN.max(self.pending.len() / 4));
        }
        self.pending.insert(at, group);
    }

    fn remove(&mut self, at: usize) -> Option<G> {
        let group = self.pending.remove(at)?;
        if self.pending.len() > ROOM_MIN && self.pending.len() < self.pending.capacity() / 4 {
            self.pending.shrink_to(self.pending.capacity() / 2);
        }
        self.accepted -= usize::from(at < self.accepted && !mutant::is(Mutant::BoundaryStays));
        let nonce = group.id().parts().0;
        if let Some(journal) = self.journals.get_mut(&nonce) {
            journal.groups -= 1;
            if journal.groups == 0 {
                self.journals.remove(&nonce);
            }
        }
        Some(group)
    }
}
