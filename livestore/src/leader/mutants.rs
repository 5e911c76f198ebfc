//! Defects that take more than a line: see [`Mutant`](crate::mutant::Mutant). No build for use gets here.

use super::uplink::Sync;
use super::{Judged, Leader};
use crate::crash::crash_point;
use crate::error::StorageError;
use crate::event::CommitGroup;
use crate::eventlog::Settled;
use crate::ids::EventId;
use crate::sync::{Order, SyncEvent};
use std::sync::Arc;

impl Leader {
    /// State first, then the log: without a backend.
    pub(super) fn ingest_state_first(&mut self, groups: &[Arc<CommitGroup>]) -> Result<Vec<Judged>, StorageError> {
        let judged = self.apply(groups)?;
        crash_point!("leader.between-log-and-state");
        self.log.append(groups)?;
        self.order = Order::new(self.log.head().place);
        Ok(judged)
    }

    /// The same with one.
    pub(super) fn settle_state_first(&mut self, settled: &[Settled]) -> Result<Vec<Judged>, StorageError> {
        let groups: Vec<_> = settled.iter().map(|settled| Arc::clone(&settled.group)).collect();
        let judged = self.apply(&groups)?;
        crash_point!("leader.between-settled-and-state");
        self.log.settle(settled)?;
        let were_pending = settled.iter().filter(|settled| settled.seqs.is_some());
        self.pending_synced -= were_pending.map(|settled| settled.group.synced_events()).sum::<usize>();
        Ok(judged)
    }
}

impl Sync {
    /// The events under ids that differ from one connection to the next.
    pub(super) fn renamed(&self, events: Vec<SyncEvent>) -> Vec<SyncEvent> {
        let renamed = |id: EventId| {
            let (mut nonce, ordinal) = id.parts();
            nonce.0[0] ^= self.connections.saturating_sub(1) as u8;
            EventId::new(nonce, ordinal)
        };
        events.into_iter().map(|event| SyncEvent { id: event.id.map(renamed), ..event }).collect()
    }
}
