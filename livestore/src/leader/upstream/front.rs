//! What was read of the front of the pending part.

use crate::error::StorageError;
use crate::event::CommitGroup;
use crate::eventlog::PendingGroup;
use crate::ids::EventId;
use crate::leader::Leader;
use std::collections::VecDeque;
use std::sync::Arc;

/// Payloads at the front of the pending part, each with the count of its last event. That count names its group for good, so what
/// was read once stays true.
pub(in crate::leader) type ReadAhead = VecDeque<(Arc<CommitGroup>, u64)>;

/// The payloads at the front of the pending part, read some at a time.
pub(super) struct Front {
    pub(super) read: ReadAhead,
    pub(super) events_max: usize,
}

/// A pending group, with what is settled of it still there.
pub(super) struct Own {
    pub(super) group: Arc<CommitGroup>,
    /// So many of its first events are settled.
    pub(super) settled: usize,
    pub(super) meta: PendingGroup,
}

impl Front {
    /// The first pending group that has a synced event; those before it were settled.
    pub(super) fn of(&mut self, leader: &Leader) -> Result<Option<Own>, StorageError> {
        let Some(meta) = leader.order.pending().front() else { return Ok(None) };
        while self.read.front().is_some_and(|(_, seq)| *seq < meta.seq) {
            self.read.pop_front();
        }
        if self.read.is_empty() {
            self.read = leader.read_front(self.events_max)?.into();
        }
        let missing = || leader.log.no_such_pending(meta.seq);
        let (group, seq) = self.read.front().ok_or_else(missing)?;
        let settled = group.events.len().checked_sub(meta.events as usize).filter(|_| *seq == meta.seq);
        Ok(Some(Own { group: Arc::clone(group), settled: settled.ok_or_else(missing)?, meta: meta.clone() }))
    }

    /// What was read and is still pending.
    pub(super) fn left(mut self, front: Option<&PendingGroup>) -> ReadAhead {
        self.read.retain(|(_, seq)| front.is_some_and(|front| *seq >= front.seq));
        self.read
    }
}

impl Own {
    /// Where its first synced event is, of those that are not settled.
    pub(super) fn first_synced(&self) -> Option<usize> {
        (self.settled..self.group.events.len()).find(|index| !self.group.events[*index].client_only)
    }

    /// Whether its first synced event has this id.
    pub(super) fn begins_with(&self, id: EventId) -> bool {
        self.first_synced().is_some_and(|index| self.group.event_id(index) == id)
    }

    pub(super) fn seq_of(&self, index: usize) -> u64 {
        (self.meta.seq + 1 + index as u64).saturating_sub(self.group.events.len() as u64)
    }

    /// What is left of it.
    pub(super) fn rest(&self) -> Arc<CommitGroup> {
        match self.settled {
            0 => Arc::clone(&self.group),
            settled => Arc::new(self.group.part(settled..self.group.events.len())),
        }
    }
}
