//! The leader at work: takes what sessions submit, in groups, and tells them what became of it.

mod asked;
#[cfg(test)]
mod tests;

use super::desk::{Desk, Request, group_bytes, lock};
use super::step::Pace;
use super::uplink::{Sync, Told};
use super::{Accepted, Attached, Export, Judged, Leader, LeaderState, Port, Restart, Submission, Verdict};
use crate::crash::crash_point;
use crate::error::StorageError;
use crate::event::CommitGroup;
use crate::eventlog::Eventlog;
use crate::ids::JournalNonce;
use crate::mutant::{self, Mutant};
use crate::sync::{Rejected, SyncStatus};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The most events in one pair of transactions.
const BATCH_EVENTS_MAX: usize = 2_000;
/// The most bytes of events that wait for one following process. One that is slower is sent away, and comes back when it can.
const FOLLOWER_BYTES_MAX: usize = 64 << 20;

/// Takes into the log what the journals of sessions that ended still hold, and gives back whose they were.
pub(crate) type TakeJournals = Box<dyn FnMut(&mut Eventlog) -> Result<Vec<JournalNonce>, StorageError> + Send>;

/// A leader with the sessions that it serves.
pub(crate) struct Worker {
    pub(super) desk: Arc<Desk>,
    pub(super) leader: Leader,
    pub(crate) attached: Attached,
    /// Taken from the inbox and not on the log yet.
    pub(super) in_flight: VecDeque<Submission>,
    /// How far each journal is taken, where this was asked already.
    journals: HashMap<JournalNonce, u64>,
    /// Journals that were taken to their end: a late copy of their groups must not be taken again.
    ended: HashSet<JournalNonce>,
    take_journals: Option<TakeJournals>,
    /// What is pending behind this was not told yet, because it could not be read.
    untold: Option<u64>,
    /// The connection to the backend, where there is to be one.
    pub(super) sync: Option<Sync>,
    /// The time of the step that is being done, and when others are due.
    pub(super) now: Duration,
    pub(super) pace: Pace,
    /// How long until a failed step is tried again.
    pub(super) retry: Option<Duration>,
    /// Nothing was taken since everything was synced, to end here.
    pub(super) is_sealed: bool,
    /// What was there when the last session went is being taken.
    pub(super) is_last_call: bool,
    /// The last sync failed, and the status says so.
    is_sync_failing: bool,
    /// What the backend said could not be written down, and the status says so.
    pub(super) has_trouble: bool,
    /// Another leader writes the files now: this one ends.
    pub(super) is_fenced: bool,
}

impl Worker {
    pub(crate) fn new(
        desk: &Arc<Desk>,
        leader: Leader,
        take_journals: Option<TakeJournals>,
    ) -> Result<Self, StorageError> {
        let quarantined = leader.quarantined()?;
        let head = leader.log().head();
        desk.change_status(|status| {
            status.state = LeaderState::Running;
            (status.head, status.place, status.quarantined) = (head.number, head.place, quarantined);
            status.kept_aside = leader.kept_aside().to_vec();
        });
        let mut attached = Attached::default();
        attached.is_provisional = leader.backend().is_none();
        let worker = Self {
            desk: Arc::clone(desk),
            leader,
            attached,
            in_flight: VecDeque::new(),
            journals: HashMap::new(),
            ended: HashSet::new(),
            take_journals,
            untold: None,
            sync: None,
            now: Duration::ZERO,
            pace: Pace::default(),
            retry: None,
            is_sealed: false,
            is_last_call: false,
            is_sync_failing: false,
            has_trouble: false,
            is_fenced: false,
        };
        worker.show_all_rejected()?;
        worker.show_sync();
        worker.show_place()?;
        desk.nudge(); // A crash may have left something to be done.
        Ok(worker)
    }

    /// These journals were taken to their end before this leader began.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn have_ended(&mut self, journals: Vec<JournalNonce>) {
        self.ended.extend(journals);
    }

    /// After leadership moved here: tells the sessions what the log holds past `place`, and takes what they had handed over
    /// and the log does not hold.
    pub(crate) fn take_over(&mut self, place: u64, generation: u64) -> Result<(), StorageError> {
        self.attached.is_provisional = self.leader.backend().is_none();
        if generation != self.leader.log().generation()? {
            // Of the log before.
            self.desk.change_status(|status| (status.synced_place, status.synced_seq) = (0, 0));
            self.restart_sessions()?;
            // For the receipts: what has its place already is not told again.
            self.publish_after(0)?;
            self.attached.may_have_lost = true;
            self.end_lost_receipts()?;
        } else {
            self.publish_after(place)?;
            for dropped in self.leader.dropped_since(place)? {
                self.attached.dropped(&dropped, &self.desk);
            }
            let seq = self.attached.ports().map(|(_, port)| port.stands_at().1).min().unwrap_or(0);
            self.tell_pending(seq)?;
        }
        self.desk.give_back(std::mem::take(&mut self.attached.waiting), Vec::new());
        Ok(())
    }

    /// Tells every port what the log holds behind a place, where it does not know it yet.
    fn publish_after(&mut self, mut after: u64) -> Result<(), StorageError> {
        while after < self.leader.log().head().place {
            let judged = self.leader.judged_after(after)?;
            let Some(last) = judged.last() else { break };
            after = last.head.place;
            self.attached.publish(&judged, &self.desk);
        }
        Ok(())
    }

    /// The log began again, and not everything that was pending is.
    fn end_lost_receipts(&mut self) -> Result<(), StorageError> {
        if !self.attached.may_have_lost {
            return Ok(());
        }
        let log = self.leader.log();
        let dropped = super::dropped_since(log, 0)?;
        self.attached.end_lost_receipts(log, &dropped, || log.pending_groups(), &self.desk)
    }

    /// Tells every port what is pending behind `seq`, where it does not know it yet.
    fn tell_pending(&mut self, mut seq: u64) -> Result<(), StorageError> {
        loop {
            let accepted = self.leader.pending_after(seq)?;
            let Some(last) = accepted.last() else { return Ok(()) };
            seq = last.seq;
            self.attached.accepted(&accepted, &self.desk);
        }
    }

    /// What was confirmed is not any more: every session begins again with a copy, and other processes connect again.
    fn restart_sessions(&mut self) -> Result<(), StorageError> {
        for (nonce, port) in self.attached.sessions() {
            let (state, position) = self.leader.copy_state()?;
            let taken = self.leader.log().taken(nonce)?.unwrap_or(0);
            port.restart(Restart { state, position, taken });
        }
        self.attached.followers().for_each(|port| port.close("the log begins again under another backend"));
        self.attached.is_restarting = false;
        self.desk.note_told();
        self.untold = Some(0);
        self.tell_untold()
    }

    /// Before anything is told that comes later.
    fn tell_untold(&mut self) -> Result<(), StorageError> {
        let Some(seq) = self.untold else { return Ok(()) };
        self.tell_pending(seq)?;
        self.untold = None;
        Ok(())
    }

    /// Nothing is told to the sessions between the log's new beginning and theirs.
    fn restart_if_due(&mut self) -> Result<(), StorageError> {
        if !self.attached.is_restarting {
            return Ok(());
        }
        self.show_place()?;
        self.restart_sessions()
    }

    pub(super) fn is_synced(&self) -> bool {
        let status = lock(&self.desk.status);
        self.leader.log().head().place == status.synced_place && self.leader.log().pending_seq() == status.synced_seq
    }

    /// Takes what is in flight, in batches. What could not be taken stays there.
    pub(super) fn ingest(&mut self) -> Result<(), StorageError> {
        self.finish_interrupted_step()?;
        self.drop_what_is_taken()?;
        while !self.in_flight.is_empty() {
            let len = batch_len(&self.in_flight);
            let groups: Vec<_> = self.in_flight.range(..len).map(|submission| Arc::clone(&submission.group)).collect();
            if self.leader.backend().is_some() {
                self.accept(len, &groups)?;
            } else {
                self.confirm(len, &groups)?;
            }
        }
        Ok(())
    }

    /// Nobody but this log confirms: the groups get their places at once.
    fn confirm(&mut self, len: usize, groups: &[Arc<CommitGroup>]) -> Result<(), StorageError> {
        let before = self.leader.log().head().place;
        let ingested = self.leader.ingest(groups);
        if self.leader.log().head().place != before {
            // On the log, if not in state: the next try catches up, and must not append them again.
            self.have_taken(len, groups);
        }
        self.publish(&ingested?);
        Ok(())
    }

    /// The groups wait in the pending part until the backend confirms them.
    fn accept(&mut self, len: usize, groups: &[Arc<CommitGroup>]) -> Result<(), StorageError> {
        let accepted = self.leader.accept(groups)?;
        self.have_taken(len, groups);
        // Before the session hears that they are taken: at every moment they are pending at one hop or the other.
        self.show_sync();
        self.tell_accepted(&accepted);
        let judged = self.leader.settle_client_only()?;
        self.publish(&judged);
        Ok(())
    }

    fn have_taken(&mut self, len: usize, groups: &[Arc<CommitGroup>]) {
        self.journals.extend(groups.iter().map(|group| (group.nonce, group.last_ordinal())));
        let batch: Vec<_> = self.in_flight.drain(..len).collect();
        self.attached.waiting.extend(batch);
    }

    fn tell_accepted(&mut self, accepted: &[Accepted]) {
        let seq = self.leader.log().pending_seq();
        self.desk.change_status(|status| status.seq = seq);
        // Before the sessions: one whose groups are all taken must find them pending here, or all would look synced.
        self.show_sync();
        self.attached.accepted(accepted, &self.desk);
        self.leave_slow_followers();
    }

    /// Takes what the backend sent, and pushes what is pending.
    pub(super) fn step_sync(&mut self) -> Result<(), StorageError> {
        let Some(mut sync) = self.sync.take() else { return Ok(()) };
        let mut told = Vec::new();
        let stepped = self.finish_interrupted_step().and_then(|()| sync.step(self.now, &mut self.leader, &mut told));
        self.sync = Some(sync);
        let told = self.tell(told);
        self.show_sync();
        stepped.and(told)
    }

    fn tell(&mut self, told: Vec<Told>) -> Result<(), StorageError> {
        self.attached.is_provisional = self.leader.backend().is_none();
        let mut failed = None;
        for told in told {
            match told {
                Told::Judged(judged) => self.publish(&judged),
                Told::Dropped(dropped, shown) => {
                    self.show_rejected(shown);
                    self.attached.dropped(&dropped, &self.desk);
                }
                Told::Restarted(kept) => {
                    (self.attached.is_restarting, self.attached.may_have_lost) = (true, true);
                    self.leader.find_kept_aside();
                    let mut all_kept = self.leader.kept_aside().to_vec();
                    all_kept.extend(kept.filter(|kept| !all_kept.contains(kept)));
                    self.desk.change_status(|status| {
                        status.kept_aside = all_kept;
                        status.quarantined.clear();
                        (status.synced_place, status.synced_seq) = (0, 0);
                    });
                    self.publish(&[]);
                    // What comes after is told all the same: receipts hear of it.
                    if let Err(error) = self.restart_if_due() {
                        failed.get_or_insert(error);
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err).and(self.end_lost_receipts())
    }

    fn show_sync(&self) {
        let (state, last_error, next_retry) =
            self.sync.as_ref().map_or_else(Default::default, |sync| sync.state(self.now));
        let next_retry_ms = next_retry.map(|wait| wait.as_millis() as u64);
        let backend = self.leader.backend();
        let (pending, confirmed) = (self.leader.pending_synced(), self.leader.log().upstream_head());
        // What was confirmed for want of a backend is pending as soon as one is to come.
        let (pending, synced) = match backend {
            Some(_) => (pending, confirmed),
            None if self.sync.is_some() => (pending + confirmed as usize, 0),
            None => (0, 0),
        };
        let changed = |sync: &SyncStatus| {
            let is_equal = sync.state == state
                && sync.last_error == last_error
                && sync.next_retry_ms.is_some() == next_retry_ms.is_some();
            let counts = (sync.pending, sync.synced, sync.backend_id.as_ref());
            !is_equal || counts != (pending, synced, backend.map(|backend| &backend.id))
        };
        if !changed(&lock(&self.desk.status).sync) {
            return;
        }
        let mut shown = SyncStatus::default();
        self.desk.change_status(|status| {
            let sync = &mut status.sync;
            (sync.state, sync.last_error, sync.next_retry_ms) = (state, last_error, next_retry_ms);
            (sync.pending, sync.synced) = (pending, synced);
            sync.backend_id = backend.map(|backend| backend.id.clone());
            sync.keeps_identity = backend.is_some_and(|backend| backend.keeps_identity);
            shown = sync.clone();
        });
        self.attached.followers().for_each(|port| port.note_sync_status(&shown));
    }

    /// Other processes are told where the log and its state are.
    fn show_place(&self) -> Result<(), StorageError> {
        let log = self.leader.log();
        let (generation, seq) = (log.generation()?, log.pending_seq());
        let state_file = log.state_file()?.unwrap_or_default();
        self.desk.change_status(|status| {
            (status.generation, status.seq, status.state_file) = (generation, seq, state_file);
        });
        Ok(())
    }

    fn show_kept_aside(&mut self) {
        if self.leader.find_kept_aside() {
            let kept = self.leader.kept_aside();
            self.desk.change_status(|status| status.kept_aside = kept.to_vec());
        }
    }

    fn show_all_rejected(&self) -> Result<(), StorageError> {
        let rejected = self.leader.log().rejected()?;
        rejected.into_iter().for_each(|rejected| self.show_rejected(rejected));
        Ok(())
    }

    fn show_rejected(&self, rejected: Rejected) {
        self.desk.change_status(|status| {
            let shown = &mut status.sync.rejected;
            shown.push(rejected);
            let too_many = shown.len().saturating_sub(super::state::QUARANTINED_MAX);
            shown.drain(..too_many);
        });
    }

    /// Groups come twice around a change of leaders; the feed has told what became of those that the log holds.
    fn drop_what_is_taken(&mut self) -> Result<(), StorageError> {
        // Both copies may be in flight at once: the log does not know of the first yet.
        let mut met: HashMap<JournalNonce, u64> = HashMap::new();
        let (mut settled, mut failed) = (0, None);
        for submission in std::mem::take(&mut self.in_flight) {
            let (nonce, ordinal) = (submission.group.nonce, submission.group.ordinal);
            let is_copy = met.get(&nonce).is_some_and(|last| ordinal <= *last);
            // An error of the log: kept, and looked at again at the next try.
            let is_copy = is_copy && !mutant::is(Mutant::LateCopyTaken);
            match if is_copy { Ok(true) } else { self.is_taken(nonce, ordinal) } {
                Ok(true) => {
                    settled += group_bytes(&submission);
                    submission.slot.close(&"it was taken from its journal".into());
                }
                Ok(false) => {
                    met.insert(nonce, submission.group.last_ordinal());
                    self.in_flight.push_back(submission);
                }
                Err(error) => {
                    failed.get_or_insert(error);
                    self.in_flight.push_back(submission);
                }
            }
        }
        self.desk.settle(settled);
        failed.map_or(Ok(()), Err)
    }

    fn is_taken(&mut self, nonce: JournalNonce, ordinal: u64) -> Result<bool, StorageError> {
        if mutant::is(Mutant::LateCopyTaken) {
            return Ok(false);
        }
        if self.ended.contains(&nonce) {
            return Ok(true);
        }
        let taken = match self.journals.get(&nonce) {
            Some(taken) => *taken,
            None => {
                let taken = self.leader.log().taken(nonce)?.unwrap_or(0);
                self.journals.insert(nonce, taken);
                taken
            }
        };
        Ok(ordinal <= taken)
    }

    fn finish_interrupted_step(&mut self) -> Result<(), StorageError> {
        while !self.leader.is_in_step() {
            let judged = self.leader.catch_up_page()?;
            self.publish(&judged);
        }
        self.restart_if_due()?;
        self.tell_untold()?;
        self.end_lost_receipts()?;
        // What a step that was interrupted left at the front of the pending part waits for nothing.
        let judged = self.leader.settle_client_only()?;
        if !judged.is_empty() {
            self.publish(&judged);
        }
        Ok(())
    }

    /// Tells every session, the receipts, and whoever watches the status.
    fn publish(&mut self, judged: &[Judged]) {
        let has_quarantined = judged.iter().any(|judged| judged.verdict != Verdict::Applied);
        let quarantined = has_quarantined.then(|| self.leader.quarantined());
        let head = self.leader.log().head();
        self.desk.change_status(|status| {
            (status.head, status.place) = (head.number, head.place);
            if let Some(Ok(quarantined)) = quarantined {
                status.quarantined = quarantined;
            }
        });
        // After the status: whom a receipt or a session tells of a group finds it there.
        self.attached.publish(judged, &self.desk);
        self.leave_slow_followers();
    }

    fn leave_slow_followers(&self) {
        self.attached
            .followers()
            .filter(|port| port.waiting_bytes() > FOLLOWER_BYTES_MAX)
            .for_each(|port| port.close("too many groups wait for this process"));
    }

    pub(super) fn sync(&mut self) -> Result<(), StorageError> {
        if let Err(error) = self.leader.sync() {
            if error.is_fenced() {
                self.give_way(&error);
                return Err(error);
            }
            self.is_sync_failing = true;
            let retry_in_ms = self.desk.options.sync_after.as_millis() as u64;
            self.desk.set_state(LeaderState::Retrying { error: error.clone(), retry_in_ms });
            return Err(error);
        }
        crash_point!("leader.after-sync");
        if std::mem::take(&mut self.is_sync_failing) && self.retry.is_none() && !self.has_trouble {
            self.desk.set_state(LeaderState::Running);
        }
        let (place, seq) = (self.leader.log().head().place, self.leader.log().pending_seq());
        self.attached.synced(place, seq, &self.desk);
        Ok(())
    }

    /// Whoever asked may be gone; an answer to nobody is dropped.
    pub(super) fn serve(&mut self, request: Request) {
        match request {
            Request::Attach { nonce, port, reply } => {
                let copied = self.finish_interrupted_step().and_then(|()| self.leader.copy_state());
                if let Ok((_, position)) = &copied {
                    self.attached.add(nonce, Arc::clone(&port), *position);
                }
                let told = copied.and_then(|copy| self.tell_pending_to(&port, Some(nonce)).map(|()| copy));
                let is_told = told.is_ok();
                if reply.send(told).is_err() || !is_told {
                    self.attached.remove(nonce, &self.desk); // Nobody would empty its feed.
                }
            }
            Request::Detach { nonce } => {
                self.journals.remove(&nonce);
                self.attached.remove(nonce, &self.desk);
            }
            Request::Read { after, filter, limit, reply } => {
                let _ = reply.send(self.leader.log().rows_after(after, &filter, limit));
            }
            Request::Sync { reply } => {
                let _ = reply.send(self.sync());
            }
            Request::Export { what, target, reply } => {
                let exported = match what {
                    Export::Eventlog => self.leader.export_log(&target),
                    Export::State => self.leader.export_state(&target),
                };
                let _ = reply.send(exported);
            }
            Request::HurrySync => self.hurry_sync(),
            Request::StartSync { reply } => {
                self.start_sync_late();
                let _ = reply.send(Ok(()));
            }
            Request::Feed { generation, after, seq, port } => {
                if let Err(error) = self.feed(generation, (after, seq), &port) {
                    port.close(&error.to_string());
                }
            }
            Request::TakeJournals => {
                if let Err(error) = self.take_ended_journals() {
                    tracing::warn!(%error, "the journals of a process that ended could not be taken yet");
                }
            }
        }
    }

    /// What follows `after`, then all that comes.
    fn feed(&mut self, generation: u64, (mut after, seq): (u64, u64), port: &Arc<Port>) -> Result<(), StorageError> {
        self.finish_interrupted_step()?;
        if generation != self.leader.log().generation()? {
            port.close("the log begins again under another backend");
            return Ok(());
        }
        port.start_after(after, seq);
        let dropped = self.leader.dropped_since(after)?;
        while after < self.leader.log().head().place {
            let judged = self.leader.judged_after(after)?;
            let Some(last) = judged.last() else { break };
            after = last.head.place;
            port.publish(&judged, |_| false);
        }
        dropped.iter().for_each(|dropped| port.dropped(dropped));
        self.tell_pending_to(port, None)?;
        self.attached.add_follower(Arc::clone(port));
        let status = self.desk.status();
        port.note_synced(status.synced_place, status.synced_seq);
        port.note_sync_status(&status.sync);
        Ok(())
    }

    /// Tells one port what is pending and it does not know yet.
    fn tell_pending_to(&self, port: &Port, nonce: Option<JournalNonce>) -> Result<(), StorageError> {
        let mut seq = port.stands_at().1;
        loop {
            let accepted = self.leader.pending_after(seq)?;
            let Some(last) = accepted.last() else { return Ok(()) };
            seq = last.seq;
            port.accepted(&accepted, |group| Some(group.nonce) == nonce);
        }
    }

    pub(super) fn take_ended_journals(&mut self) -> Result<(), StorageError> {
        let Some(take) = &mut self.take_journals else { return Ok(()) };
        // The log knows best, also when this stops in the middle.
        self.journals.clear();
        let (head, seq) = (self.leader.log().head(), self.leader.log().pending_seq());
        let taken = take(self.leader.log_mut());
        let (ended, taken) = taken.map_or_else(|error| (Vec::new(), Err(error)), |ended| (ended, Ok(())));
        self.ended.extend(ended);
        // Some may be on the log even where this stopped in the middle.
        if (head, seq) != (self.leader.log().head(), self.leader.log().pending_seq()) {
            self.leader.forget_order();
            self.untold = Some(self.untold.map_or(seq, |untold| untold.min(seq)));
            self.desk.change_status(|status| status.seq = self.leader.log().pending_seq());
            self.desk.nudge(); // It is to be pushed, too.
        }
        self.show_kept_aside();
        self.finish_interrupted_step()?;
        taken
    }
}

/// How many submissions make the next batch: at least one, then while the events fit.
fn batch_len(submissions: &VecDeque<Submission>) -> usize {
    let mut events = 0;
    let fits = |submission: &&Submission| {
        events += submission.group.events.len();
        events <= BATCH_EVENTS_MAX
    };
    submissions.iter().take_while(fits).count().max(1)
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Only a panic leaves something here; what it was is safe in a journal.
        let reason: Arc<str> = "the leader panicked".into();
        self.in_flight.iter().for_each(|submission| submission.slot.close(&reason));
    }
}
