//! The order of what a session holds past its base: confirmed groups, accepted ones, and its own.

use super::packed::{Load, Packed, Shared, weight};
use crate::event::{CommitGroup, SequenceNumber};
use crate::ids::{EventId, JournalNonce};
use crate::mutant::{self, Mutant};
use crate::sync::Replaced;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// A place in the tail: how many groups stand before it, and what they weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) groups: usize,
    pub(super) weight: usize,
}

#[derive(Debug)]
enum Kept {
    Whole(Arc<CommitGroup>),
    Packed(Packed),
}

impl Kept {
    fn load(&self) -> Load {
        match self {
            Self::Whole(group) => Load::of(group),
            Self::Packed(packed) => packed.load(),
        }
    }
}

/// The tail in three parts: confirmed since the base, in the leader's pending part, and not taken by the leader yet. Knows
/// nothing of state, except how far the order that state was made in still holds.
#[derive(Debug, Default)]
pub(super) struct Tail {
    confirmed: VecDeque<Kept>,
    confirmed_weight: usize,
    /// All packed: these may be many, and wait for long.
    accepted: VecDeque<Packed>,
    accepted_load: Load,
    own: VecDeque<Arc<CommitGroup>>,
    own_load: Load,
    shared: Shared,
    /// So many of the first groups stand in state, in this order.
    in_state: usize,
}

impl Tail {
    pub(super) fn end(&self) -> At {
        let groups = self.own_start() + self.own.len();
        At { groups, weight: self.confirmed_weight + self.accepted_load.weight + self.own_load.weight }
    }

    pub(super) fn confirmed(&self) -> At {
        At { groups: self.confirmed.len(), weight: self.confirmed_weight }
    }

    /// How many groups stand before the first own one.
    pub(super) fn own_start(&self) -> usize {
        self.confirmed.len() + self.accepted.len()
    }

    pub(super) fn own_events(&self) -> usize {
        self.own_load.events
    }

    pub(super) fn accepted_events(&self) -> usize {
        self.accepted_load.events
    }

    pub(super) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.own.is_empty() || !self.accepted.is_empty()
    }

    /// The ordinal of the first event that the leader has not taken.
    pub(super) fn first_own(&self) -> Option<u64> {
        self.own.front().map(|group| group.ordinal)
    }

    pub(super) fn in_state(&self) -> usize {
        self.in_state
    }

    pub(super) fn set_all_in_state(&mut self) {
        self.in_state = self.end().groups;
    }

    /// A commit, already in state.
    pub(super) fn push_own(&mut self, group: Arc<CommitGroup>) {
        debug_assert_eq!(self.in_state, self.end().groups, "commits follow all that is known");
        self.own_load.add(Load::of(&group));
        self.own.push_back(group);
        self.in_state += 1;
    }

    /// The leader took the group, behind all that it took before.
    pub(super) fn accept(&mut self, group: &CommitGroup) {
        let is_next = self.own.front().is_some_and(|own| is_same(own, group));
        if !is_next {
            self.changes_at(self.own_start());
        }
        let own = self.own_position(group.nonce, group.ordinal);
        if let Some(own) = own.filter(|_| !mutant::is(Mutant::AcceptedTwice)) {
            self.remove_own(own);
        }
        let packed = self.shared.pack(group);
        self.accepted_load.add(packed.load());
        self.accepted.push_back(packed);
    }

    /// The group is next in the log.
    pub(super) fn confirm(&mut self, group: Arc<CommitGroup>, replaces: Option<Replaced>) {
        if replaces.is_none() && self.is_next_pending(&group) {
            self.confirm_front();
            return;
        }
        self.changes_at(self.confirmed.len());
        let id = group.event_id(0);
        let replaced = replaces.unwrap_or(Replaced { id, events: group.events.len() });
        self.settle(replaced.id, replaced.events);
        if replaced.id != id {
            self.settle(id, group.events.len());
        }
        self.push_confirmed(Kept::Whole(group));
    }

    fn is_next_pending(&self, group: &CommitGroup) -> bool {
        match self.accepted.front() {
            Some(packed) => {
                self.shared.is(packed, group.nonce, group.ordinal) && packed.load().events == group.events.len()
            }
            None => self.own.front().is_some_and(|own| is_same(own, group)),
        }
    }

    fn confirm_front(&mut self) {
        if let Some(packed) = self.accepted.pop_front() {
            if !mutant::is(Mutant::BoundaryStays) {
                self.accepted_load.remove(packed.load());
            }
            self.push_confirmed(Kept::Packed(packed));
        } else if let Some(group) = self.own.pop_front() {
            self.own_load.remove(Load::of(&group));
            self.push_confirmed(Kept::Whole(group));
        }
    }

    fn push_confirmed(&mut self, kept: Kept) {
        self.confirmed_weight += kept.load().weight;
        self.confirmed.push_back(kept);
    }

    /// The group will never be confirmed.
    pub(super) fn drop_group(&mut self, id: EventId) {
        if !mutant::is(Mutant::DroppedStays) {
            self.settle(id, usize::MAX);
        }
    }

    /// So many events of the pending group are pending no more; where there are others, they go on as a group.
    fn settle(&mut self, id: EventId, events: usize) {
        let (nonce, ordinal) = id.parts();
        if let Some(position) = self.accepted_position(nonce, ordinal) {
            self.changes_at(self.confirmed.len() + position);
            let Some(packed) = self.accepted.remove(position) else { return };
            let rest = rest_of(&self.shared.unpack(&packed), events);
            self.accepted_load.remove(packed.load());
            self.shared.forget(&packed);
            if let Some(rest) = rest {
                let packed = self.shared.pack(&rest);
                self.accepted_load.add(packed.load());
                self.accepted.insert(position, packed);
            }
        } else if let Some(position) = self.own_position(nonce, ordinal) {
            self.changes_at(self.own_start() + position);
            let rest = self.remove_own(position).and_then(|group| rest_of(&group, events));
            if let Some(rest) = rest {
                self.own_load.add(Load::of(&rest));
                self.own.insert(position, Arc::new(rest));
            }
        }
    }

    fn accepted_position(&self, nonce: JournalNonce, ordinal: u64) -> Option<usize> {
        let is_it = |bytes: Vec<u8>| self.accepted.iter().position(|packed| packed.begins_with(&bytes));
        self.shared.beginnings(nonce, ordinal).find_map(is_it)
    }

    fn own_position(&self, nonce: JournalNonce, ordinal: u64) -> Option<usize> {
        self.own.front().filter(|own| own.nonce == nonce)?;
        self.own.binary_search_by_key(&ordinal, |own| own.ordinal).ok()
    }

    fn remove_own(&mut self, position: usize) -> Option<Arc<CommitGroup>> {
        let group = self.own.remove(position)?;
        self.own_load.remove(Load::of(&group));
        Some(group)
    }

    /// Everything but own groups behind this ordinal, which the leader has not taken, is settled or will come again.
    pub(super) fn restart(&mut self, taken: u64) {
        while self.own.front().is_some_and(|own| own.ordinal <= taken) {
            self.remove_own(0);
        }
        self.confirmed.clear();
        self.confirmed_weight = 0;
        self.accepted.clear();
        self.accepted_load = Load::default();
        self.shared = Shared::default();
        self.in_state = 0;
    }

    /// The base stands behind the confirmed part now.
    pub(super) fn cut_confirmed(&mut self) {
        self.in_state = self.in_state.saturating_sub(self.confirmed.len());
        for kept in self.confirmed.drain(..) {
            if let Kept::Packed(packed) = kept {
                self.shared.forget(&packed);
            }
        }
        self.confirmed_weight = 0;
        self.confirmed.shrink_to(64);
        if self.accepted.is_empty() {
            self.accepted.shrink_to(64);
        }
    }

    fn changes_at(&mut self, group: usize) {
        self.in_state = self.in_state.min(group);
    }

    /// One group of the tail.
    pub(super) fn group(&self, index: usize) -> Option<Cow<'_, CommitGroup>> {
        let after_confirmed = index.checked_sub(self.confirmed.len());
        match after_confirmed {
            None => self.confirmed.get(index).map(|kept| match kept {
                Kept::Whole(group) => Cow::Borrowed(&**group),
                Kept::Packed(packed) => Cow::Owned(self.shared.unpack(packed)),
            }),
            Some(index) => match index.checked_sub(self.accepted.len()) {
                None => self.accepted.get(index).map(|packed| Cow::Owned(self.shared.unpack(packed))),
                Some(index) => self.own.get(index).map(|group| Cow::Borrowed(&**group)),
            },
        }
    }

    pub(super) fn weight(&self, index: usize) -> usize {
        let Some(index) = index.checked_sub(self.confirmed.len()) else {
            return self.confirmed.get(index).map_or(0, |kept| kept.load().weight);
        };
        match index.checked_sub(self.accepted.len()) {
            None => self.accepted.get(index).map_or(0, |packed| packed.load().weight),
            Some(index) => self.own.get(index).map_or(0, |group| weight(group)),
        }
    }

    /// The number that the last pending event will have if nothing comes between.
    pub(super) fn number_after(&self, upstream_head: SequenceNumber) -> SequenceNumber {
        let synced = self.accepted_load.synced + self.own_load.synced;
        let events = self.accepted_load.events + self.own_load.events;
        if synced == 0 {
            return SequenceNumber { client: upstream_head.client + events as u64, ..upstream_head };
        }
        let global = upstream_head.global + synced as u64;
        SequenceNumber { global, client: self.client_only_at_end() as u64, ..upstream_head }
    }

    /// How many client-only events stand behind the last synced one that is pending.
    fn client_only_at_end(&self) -> usize {
        let mut count = 0;
        for group in self.own.iter().rev() {
            let at_end = group.events.iter().rev().take_while(|event| event.client_only).count();
            count += at_end;
            if at_end < group.events.len() {
                return count;
            }
        }
        for packed in self.accepted.iter().rev() {
            match packed.client_only_at_end() {
                Some(at_end) => return count + at_end,
                None => count += packed.load().events,
            }
        }
        count
    }
}

fn is_same(own: &CommitGroup, group: &CommitGroup) -> bool {
    own.nonce == group.nonce && own.ordinal == group.ordinal && own.events.len() == group.events.len()
}

/// What is left of a group without its first events.
fn rest_of(group: &CommitGroup, events: usize) -> Option<CommitGroup> {
    let len = group.events.len();
    (events < len).then(|| group.part(events..len))
}
