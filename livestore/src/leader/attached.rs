#[cfg(test)]
mod tests;

use super::desk::{Desk, group_bytes};
use super::{Accepted, Dropped, Judged, Port, ReceiptSlot, StatePosition, Submission, Verdict};
use crate::error::StorageError;
use crate::event::CommitGroup;
use crate::eventlog::{Eventlog, PendingGroup};
use crate::ids::{EventId, JournalNonce};
use crate::mutant::{self, Mutant};
use std::collections::hash_map::Entry;
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
    /// The receipts of groups in the leader's pending part: only those that somebody holds.
    receipts: HashMap<EventId, Awaited>,
    /// The log began again, and the sessions have not yet: nothing is told to them.
    pub(crate) is_restarting: bool,
    /// The log began again: receipts may be of what it holds no more.
    pub(crate) may_have_lost: bool,
    /// No backend confirms: what has a place may still get another.
    pub(crate) is_provisional: bool,
    /// Handed over and not judged yet: on their way to another process, or on the log while state could not follow.
    pub(crate) waiting: VecDeque<Submission>,
}

/// A receipt whose group is pending.
struct Awaited {
    slot: Arc<ReceiptSlot>,
    /// How many events of the group have no place yet.
    events: usize,
    /// What became of those that have one: the first that could not be materialized decides.
    verdict: Verdict,
}

impl Attached {
    pub(crate) fn add(&mut self, nonce: JournalNonce, port: Arc<Port>, position: StatePosition) {
        let missed = if mutant::is(Mutant::NewSessionMissesNews) { 2 } else { 0 };
        port.start_after(position.place + missed, 0);
        self.ports.push((Some(nonce), port));
    }

    /// Another process, which was told what it missed and wants all that follows.
    pub(crate) fn add_follower(&mut self, port: Arc<Port>) {
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
        for (nonce, port) in self.told() {
            port.publish(judged, |group| Some(group.nonce) == *nonce);
        }
        let mut settled = 0;
        for judged in judged {
            if let Some(submission) = self.take_submission(&judged.group) {
                settled += group_bytes(&submission);
                self.keep_until_synced(&submission);
                if submission.group.events.len() > judged.group.events.len() {
                    self.await_outcome(submission); // The first of its events, alone.
                } else {
                    submission.slot.confirm(judged.head.number, &judged.verdict, self.is_provisional);
                }
            }
            self.settle_receipt(judged);
        }
        if settled > 0 {
            desk.settle(settled);
        }
        desk.note_told();
    }

    /// Tells every session what the leader took into its pending part.
    pub(crate) fn accepted(&mut self, accepted: &[Accepted], desk: &Desk) {
        for (nonce, port) in self.told() {
            port.accepted(accepted, |group| Some(group.nonce) == *nonce);
        }
        let mut settled = 0;
        for accepted in accepted {
            let Some(submission) = self.take_submission(&accepted.group) else { continue };
            settled += group_bytes(&submission);
            self.keep_until_synced(&submission);
            if mutant::is(Mutant::ReceiptTellsTooEarly) {
                submission.slot.confirm(desk.status().head, &Verdict::Applied, false);
            }
            self.await_outcome(submission);
        }
        if settled > 0 {
            desk.settle(settled);
        }
        desk.note_told();
    }

    /// The group is pending.
    fn await_outcome(&mut self, submission: Submission) {
        if Arc::strong_count(&submission.slot) > 1 {
            let (id, events) = (submission.group.id(), submission.group.events.len());
            self.receipts.insert(id, Awaited { slot: submission.slot, events, verdict: Verdict::Applied });
        }
    }

    /// Tells every session what the backend rejected.
    pub(crate) fn dropped(&mut self, dropped: &Dropped, desk: &Desk) {
        self.told().for_each(|(_, port)| port.dropped(dropped));
        if let Some(Awaited { slot, .. }) = self.receipts.remove(&dropped.id) {
            slot.reject(&dropped.reason);
        } else if let Some(at) = self.waiting.iter().position(|waiting| waiting.group.id() == dropped.id)
            && let Some(submission) = self.waiting.remove(at)
        {
            // It was taken by a leader that ended before it said so.
            submission.slot.reject(&dropped.reason);
            desk.settle(group_bytes(&submission));
        }
        desk.note_told();
    }

    fn told(&self) -> impl Iterator<Item = &(Option<JournalNonce>, Arc<Port>)> {
        self.ports.iter().filter(|_| !self.is_restarting)
    }

    /// After the log began again: ends the receipts of what it holds no more, pending or not.
    pub(crate) fn end_lost_receipts(
        &mut self,
        log: &Eventlog,
        dropped: &[Dropped],
        pending: impl FnOnce() -> Result<Vec<PendingGroup>, StorageError>,
        desk: &Desk,
    ) -> Result<(), StorageError> {
        self.await_what_was_taken(log, desk)?;
        if self.receipts.is_empty() {
            self.may_have_lost = false;
            return Ok(());
        }
        // The pending part first: what leaves it meanwhile is in the log by then.
        let pending: HashSet<_> = pending()?.iter().map(|group| group.id).collect();
        let reason: Arc<str> = "another backend confirms now; what waited for the one before is kept aside".into();
        let unknown: Vec<_> = self.receipts.keys().copied().filter(|id| !pending.contains(id)).collect();
        for id in unknown {
            let refused = dropped.iter().find(|dropped| dropped.id == id).map(|dropped| &dropped.reason);
            if refused.is_none() && log.has_event(id)? {
                continue; // Told soon.
            }
            if let Some(Awaited { slot, .. }) = self.receipts.remove(&id) {
                refused.map_or_else(|| slot.keep_aside(&reason), |refused| slot.reject(refused));
            }
        }
        self.may_have_lost = false;
        Ok(())
    }

    /// What was handed over and taken by the log before it began again is told no more as something new.
    fn await_what_was_taken(&mut self, log: &Eventlog, desk: &Desk) -> Result<(), StorageError> {
        let mut taken = HashMap::new();
        for Submission { group, .. } in &self.waiting {
            if let Entry::Vacant(unknown) = taken.entry(group.nonce) {
                unknown.insert(log.taken(group.nonce)?.unwrap_or(0));
            }
        }
        for submission in std::mem::take(&mut self.waiting) {
            if submission.group.ordinal > taken[&submission.group.nonce] {
                self.waiting.push_back(submission);
                continue;
            }
            desk.settle(group_bytes(&submission));
            self.keep_until_synced(&submission);
            self.await_outcome(submission);
        }
        Ok(())
    }

    /// The submission that the group came by, if it came by one. It is in the log now.
    fn take_submission(&mut self, group: &CommitGroup) -> Option<Submission> {
        // A backend that keeps no ids may have confirmed it before it was told that it is pending.
        let (nonce, ordinal) = group.was.unwrap_or_else(|| group.id()).parts();
        let is_attached = self.ports.iter().any(|(known, _)| *known == Some(nonce));
        if is_attached {
            let last = self.taken.entry(nonce).or_default();
            *last = (ordinal + group.last_ordinal() - group.ordinal).max(*last);
        }
        let is_it = |waiting: &Submission| waiting.group.nonce == nonce && waiting.group.ordinal == ordinal;
        let at = match self.waiting.front() {
            Some(first) if is_it(first) => Some(0),
            Some(first) if first.group.nonce == nonce => None,
            // The rest of a session that ended, or is about to, may come from its journal, before what others handed over earlier.
            Some(_) if is_attached || self.left.contains(&nonce) => self.waiting.iter().position(is_it),
            _ => None,
        };
        at.and_then(|at| self.waiting.remove(at))
    }

    /// Nobody asks for the outcome of a receipt that was dropped.
    fn keep_until_synced(&mut self, submission: &Submission) {
        if Arc::strong_count(&submission.slot) > 1 {
            self.unsynced.push(Arc::clone(&submission.slot));
        }
    }

    /// A group that was pending has its place.
    fn settle_receipt(&mut self, judged: &Judged) {
        let mut id = judged.group.was.unwrap_or_else(|| judged.group.id());
        if let Some(first) = self.receipts.keys().min().filter(|_| mutant::is(Mutant::ReceiptByPosition)) {
            id = *first;
        }
        let Some(mut awaited) = self.receipts.remove(&id) else { return };
        let placed = judged.group.events.len();
        if awaited.verdict == Verdict::Applied {
            awaited.verdict = judged.verdict.clone();
        }
        if awaited.events <= placed {
            return awaited.slot.confirm(judged.head.number, &awaited.verdict, self.is_provisional);
        }
        // Its other events follow, each alone: the last one ends it.
        awaited.events -= placed;
        let (nonce, ordinal) = id.parts();
        self.receipts.insert(EventId::new(nonce, ordinal + placed as u64), awaited);
    }

    /// The sessions of this process.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = (JournalNonce, &Arc<Port>)> {
        self.ports.iter().filter_map(|(nonce, port)| Some(((*nonce)?, port)))
    }

    /// All of them, with whose they are.
    pub(crate) fn ports(&self) -> impl Iterator<Item = &(Option<JournalNonce>, Arc<Port>)> {
        self.ports.iter()
    }

    /// Everything up to `place` survives a power loss.
    pub(crate) fn synced(&mut self, place: u64, seq: u64, desk: &Desk) {
        desk.note_synced(place, seq, self.taken.iter().map(|(nonce, ordinal)| (*nonce, *ordinal)));
        self.unsynced.drain(..).for_each(|slot| slot.set_durable());
        self.followers().for_each(|port| port.note_synced(place, seq));
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
        self.receipts.values().for_each(|awaited| awaited.slot.close(&reason));
        self.waiting.iter().for_each(|submission| submission.slot.close(&reason));
    }
}
