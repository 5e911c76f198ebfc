//! Taking what upstream says, with the promise of every change checked.

use super::super::world::Group;
use super::super::{Checked, wrong};
use super::Node;
use crate::ids::EventId;
use crate::sync::{Pending, Upstream};

impl Node {
    /// Merges, and checks what the change says about the state that has to be redone.
    pub(in super::super) fn hear(&mut self, batch: Vec<Upstream<Group>>) -> Checked<()> {
        let before = self.pending_ids();
        let epoch = self.order.epoch();
        let change = self.order.upstream(batch).map_err(|error| format!("the merge refused a batch: {error}"))?;
        let settled = change.settled.iter().map(|settled| settled.group.id());
        let after: Vec<_> = settled.chain(self.pending_ids()).collect();
        let kept = change.first.unwrap_or(before.len());
        let is_whole = change.first.is_some() || before.len() == after.len();
        if !is_whole || kept > before.len().min(after.len()) || before[..kept] != after[..kept] {
            return wrong(format!("state was {before:?}, has to be {after:?}, and is redone from {:?}", change.first));
        }
        if change.is_rebase() != (kept < before.len()) || change.undone() != before.len() - kept {
            return wrong(format!("{} of {before:?} are undone from {:?}", change.undone(), change.first));
        }
        if self.order.epoch() < epoch + u64::from(change.is_rebase()) {
            return wrong(format!("the epoch went from {epoch} to {}", self.order.epoch()));
        }
        self.log.extend(change.settled.iter().flat_map(|settled| &settled.group.events));
        self.rejected.extend(change.dropped.iter().flat_map(|group| &group.events));
        Ok(())
    }

    fn pending_ids(&self) -> Vec<EventId> {
        self.order.pending().iter().map(Pending::id).collect()
    }
}
