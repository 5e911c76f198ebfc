//! The work of the leader's thread.

use super::thread::{Export, Request, Shared, group_bytes, lock};
use super::{Judged, Leader, LeaderState, Port, ReceiptSlot, Submission};
use crate::crash::crash_point;
use crate::error::StorageError;
use crate::ids::JournalNonce;
use crate::materialize::panic_message;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// The most events in one pair of transactions.
const BATCH_EVENTS_MAX: usize = 2_000;
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(5);

pub(super) struct Worker {
    shared: Arc<Shared>,
    leader: Leader,
    ports: Vec<(JournalNonce, Arc<Port>)>,
    /// The last ordinal taken from each attached session's journal.
    taken: HashMap<JournalNonce, u64>,
    unsynced: Vec<Arc<ReceiptSlot>>,
    /// Taken from the inbox and not on the log yet.
    in_flight: VecDeque<Submission>,
    /// Submissions whose groups are on the log while state could not follow.
    unsettled: VecDeque<Submission>,
    /// How long until a failed step is tried again.
    retry: Option<Duration>,
    /// The last sync failed, and the status says so.
    is_sync_failing: bool,
    /// Dropped last, when the databases are closed.
    keep: Box<dyn std::any::Any + Send>,
}

/// What the thread found to do.
struct Work {
    requests: Vec<Request>,
    wants_sync: bool,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, leader: Leader, keep: Box<dyn std::any::Any + Send>) -> Self {
        Self {
            shared,
            leader,
            ports: Vec::new(),
            taken: HashMap::new(),
            unsynced: Vec::new(),
            in_flight: VecDeque::new(),
            unsettled: VecDeque::new(),
            retry: None,
            is_sync_failing: false,
            keep,
        }
    }

    pub(super) fn run(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.work()));
        let reason: Arc<str> = match ended {
            Ok(()) => "the store was shut down".into(),
            Err(panic) => format!("the leader panicked: {}", panic_message(&*panic)).into(),
        };
        self.close(&reason);
        let Self { shared, leader, keep, .. } = self;
        drop(leader);
        drop(keep);
        *lock(&shared.ended) = true;
        shared.has_ended.notify_all();
    }

    /// Every receipt that is still open learns that it will not be served here.
    fn close(&mut self, reason: &Arc<str>) {
        let mut inbox = lock(&self.shared.inbox);
        inbox.stopped = Some(Arc::clone(reason));
        inbox.requests.clear();
        let left = std::mem::take(&mut inbox.submissions);
        drop(inbox);
        let submissions = self.unsettled.iter().chain(&self.in_flight).chain(&left);
        submissions.for_each(|submission| submission.slot.close(reason));
        self.unsynced.iter().for_each(|slot| slot.close(reason));
        self.ports.iter().for_each(|(_, port)| port.close(reason));
        self.set_state(LeaderState::Stopped { reason: reason.to_string() });
    }

    fn set_state(&self, state: LeaderState) {
        lock(&self.shared.status).state = state;
        self.notify();
    }

    fn work(&mut self) {
        while let Some(work) = self.next_work() {
            let ingested = self.ingest();
            self.give_back();
            match ingested {
                Ok(()) => {
                    if self.retry.take().is_some() {
                        self.set_state(LeaderState::Running);
                    }
                }
                Err(error) => {
                    let wait = self.retry.map_or(RETRY_FIRST, |wait| (wait * 2).min(RETRY_LAST));
                    self.retry = Some(wait);
                    tracing::warn!(%error, "the leader's step failed and is tried again");
                    self.set_state(LeaderState::Retrying { error, retry_in_ms: wait.as_millis() as u64 });
                }
            }
            if work.wants_sync {
                let _ = self.sync(); // The status shows an error.
            }
            work.requests.into_iter().for_each(|request| self.serve(request));
        }
    }

    /// Sleeps until there is something to do; `None` when the leader is to stop and nothing is left that it could take.
    fn next_work(&mut self) -> Option<Work> {
        let shared = Arc::clone(&self.shared);
        let rest = self.retry.unwrap_or(shared.options.linger);
        let mut inbox = lock(&shared.inbox);
        // Rest after the last batch; only a request or the end cuts it short.
        let rest_until = Instant::now() + rest;
        while !inbox.is_urgent && !inbox.is_stopping {
            let left = rest_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inbox = shared.wake.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let quiet_until = Instant::now() + shared.options.sync_after;
        while inbox.submissions.is_empty() && !inbox.is_urgent && !inbox.is_stopping && self.retry.is_none() {
            inbox.is_idle = true;
            if self.is_synced() {
                inbox = shared.wake.wait(inbox).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let left = quiet_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(inbox);
                let _ = self.sync(); // Tried again after the next quiet time; the status shows an error.
                inbox = lock(&shared.inbox);
                if !self.is_synced() {
                    break;
                }
                continue;
            }
            inbox = shared.wake.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inbox.is_idle = false;
        inbox.is_urgent = false;
        let wants_sync = std::mem::take(&mut inbox.wants_sync);
        if inbox.is_stopping && (inbox.submissions.is_empty() || self.retry.is_some()) && inbox.requests.is_empty() {
            drop(inbox);
            let _ = self.sync(); // What could not be synced is still in the journals.
            return None;
        }
        self.in_flight = std::mem::take(&mut inbox.submissions);
        Some(Work { requests: std::mem::take(&mut inbox.requests), wants_sync })
    }

    fn is_synced(&self) -> bool {
        self.leader.log().head().place == lock(&self.shared.status).synced_place
    }

    /// Takes what is in flight, in batches. What could not be taken stays there.
    fn ingest(&mut self) -> Result<(), StorageError> {
        self.finish_interrupted_step()?;
        while !self.in_flight.is_empty() {
            let len = batch_len(&self.in_flight);
            let groups: Vec<_> = self.in_flight.range(..len).map(|submission| Arc::clone(&submission.group)).collect();
            let before = self.leader.log().head().place;
            match self.leader.ingest(&groups) {
                Ok(judged) => {
                    let batch = self.take_batch(len);
                    self.publish(&judged, &batch);
                }
                Err(error) => {
                    // On the log but not in state: the next try catches up, and must not append them again.
                    if self.leader.log().head().place != before {
                        let batch = self.take_batch(len);
                        self.unsettled.extend(batch);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn take_batch(&mut self, len: usize) -> Vec<Submission> {
        let batch: Vec<_> = self.in_flight.drain(..len).collect();
        lock(&self.shared.inbox).bytes -= batch.iter().map(group_bytes).sum::<usize>();
        batch
    }

    /// What was not taken waits before what came since.
    fn give_back(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        let mut inbox = lock(&self.shared.inbox);
        self.in_flight.append(&mut inbox.submissions);
        std::mem::swap(&mut self.in_flight, &mut inbox.submissions);
    }

    fn finish_interrupted_step(&mut self) -> Result<(), StorageError> {
        while !self.leader.is_in_step() {
            let judged = self.leader.catch_up_page()?;
            let batch: Vec<_> = self.unsettled.drain(..judged.len().min(self.unsettled.len())).collect();
            self.publish(&judged, &batch);
        }
        Ok(())
    }

    /// Tells every session, the receipts, and whoever watches the status.
    fn publish(&mut self, judged: &[Judged], batch: &[Submission]) {
        for (nonce, port) in &self.ports {
            port.publish(judged, |group| group.nonce == *nonce);
        }
        for (judged, submission) in judged.iter().zip(batch) {
            self.taken.insert(judged.group.nonce, judged.group.last_ordinal());
            submission.slot.confirm(judged.head.number, &judged.verdict);
            // Nobody asks for the outcome of a receipt that was dropped.
            if Arc::strong_count(&submission.slot) > 1 {
                self.unsynced.push(Arc::clone(&submission.slot));
            }
        }
        let has_quarantined = judged.iter().any(|judged| judged.verdict != super::Verdict::Applied);
        let quarantined = has_quarantined.then(|| self.leader.quarantined());
        let head = self.leader.log().head();
        let mut status = lock(&self.shared.status);
        (status.head, status.place) = (head.number, head.place);
        if let Some(Ok(quarantined)) = quarantined {
            status.quarantined = quarantined;
        }
        drop(status);
        self.notify();
    }

    fn notify(&self) {
        self.shared.status_changed.notify_all();
        let wakers = std::mem::take(&mut *lock(&self.shared.wakers));
        wakers.into_iter().for_each(Waker::wake);
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        if let Err(error) = self.leader.sync() {
            self.is_sync_failing = true;
            let retry_in_ms = self.shared.options.sync_after.as_millis() as u64;
            self.set_state(LeaderState::Retrying { error: error.clone(), retry_in_ms });
            return Err(error);
        }
        crash_point!("leader.after-sync");
        if std::mem::take(&mut self.is_sync_failing) && self.retry.is_none() {
            self.set_state(LeaderState::Running);
        }
        let place = self.leader.log().head().place;
        lock(&self.shared.status).synced_place = place;
        lock(&self.shared.synced).extend(&self.taken);
        self.shared.status_changed.notify_all();
        self.unsynced.drain(..).for_each(|slot| slot.set_durable());
        Ok(())
    }

    /// Whoever asked may be gone; an answer to nobody is dropped.
    fn serve(&mut self, request: Request) {
        match request {
            Request::Attach { nonce, port, reply } => {
                let copied = self.finish_interrupted_step().and_then(|()| self.leader.copy_state());
                if copied.is_ok() {
                    self.ports.push((nonce, port));
                }
                let _ = reply.send(copied);
            }
            Request::Detach { nonce } => {
                self.ports.retain(|(known, _)| *known != nonce);
                self.taken.remove(&nonce);
                lock(&self.shared.synced).remove(&nonce);
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
        }
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
