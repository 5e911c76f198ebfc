use super::desk::{Desk, group_bytes};
use super::{Judged, Port, ReceiptSlot, StatePosition, Submission};
use crate::ids::JournalNonce;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// The sessions of this process and the processes that follow it, as whoever serves the desk knows them. Goes along when
/// leadership moves.
#[derive(Default)]
pub(crate) struct Attached {
    ports: Vec<(Option<JournalNonce>, Arc<Port>)>,
    /// The last ordinal of each journal that is in the log.
    taken: HashMap<JournalNonce, u64>,
    unsynced: Vec<Arc<ReceiptSlot>>,
    /// Sessions that ended while groups of theirs waited.
    left: HashSet<JournalNonce>,
    /// Handed over and not judged yet: on their way to another process, or on the log while state could not follow.
    pub(crate) waiting: VecDeque<Submission>,
}

impl Attached {
    pub(crate) fn add(&mut self, nonce: JournalNonce, port: Arc<Port>, position: StatePosition) {
        port.start_after(position.place);
        self.ports.push((Some(nonce), port));
    }

    /// Another process, which wants all that follows.
    pub(crate) fn add_follower(&mut self, port: Arc<Port>, after: u64) {
        port.start_after(after);
        self.ports.push((None, port));
    }

    pub(crate) fn remove(&mut self, nonce: JournalNonce, desk: &Desk) {
        self.ports.retain(|(known, _)| *known != Some(nonce));
        self.taken.remove(&nonce);
        desk.forget_synced(nonce);
        self.left.retain(|left| self.waiting.iter().any(|waiting| waiting.group.nonce == *left));
        self.left.insert(nonce);
    }

    /// Tells every session and the receipts what became of groups, in log order.
    pub(crate) fn publish(&mut self, judged: &[Judged], desk: &Desk) {
        self.ports.retain(|(nonce, port)| nonce.is_some() || !port.is_closed());
        for (nonce, port) in &self.ports {
            port.publish(judged, |group| Some(group.nonce) == *nonce);
        }
        let mut settled = 0;
        for judged in judged {
            let (nonce, ordinal) = (judged.group.nonce, judged.group.ordinal);
            if self.ports.iter().any(|(known, _)| *known == Some(nonce)) {
                self.taken.insert(nonce, judged.group.last_ordinal());
            }
            let is_it = |waiting: &Submission| waiting.group.nonce == nonce && waiting.group.ordinal == ordinal;
            let at = match self.waiting.front() {
                Some(first) if is_it(first) => Some(0),
                // The rest of a session that ended may come from its journal, before what others handed over earlier.
                Some(_) if self.left.contains(&nonce) => self.waiting.iter().position(is_it),
                _ => None,
            };
            if let Some(submission) = at.and_then(|at| self.waiting.remove(at)) {
                settled += group_bytes(&submission);
                submission.slot.confirm(judged.head.number, &judged.verdict);
                // Nobody asks for the outcome of a receipt that was dropped.
                if Arc::strong_count(&submission.slot) > 1 {
                    self.unsynced.push(submission.slot);
                }
            }
        }
        if settled > 0 {
            desk.settle(settled);
        }
    }

    /// Everything up to `place` survives a power loss.
    pub(crate) fn synced(&mut self, place: u64, desk: &Desk) {
        desk.note_synced(place, self.taken.iter().map(|(nonce, ordinal)| (*nonce, *ordinal)));
        self.unsynced.drain(..).for_each(|slot| slot.set_durable());
        self.followers().for_each(|port| port.note_synced(place));
    }

    pub(crate) fn followers(&self) -> impl Iterator<Item = &Arc<Port>> {
        self.ports.iter().filter(|(nonce, _)| nonce.is_none()).map(|(_, port)| port)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let ended = if std::thread::panicking() { "the leader panicked" } else { "the store was shut down" };
        let reason: Arc<str> = ended.into();
        self.ports.iter().for_each(|(_, port)| port.close(&reason));
        self.unsynced.iter().for_each(|slot| slot.close(&reason));
        self.waiting.iter().for_each(|submission| submission.slot.close(&reason));
    }
}
