//! The leader as a state machine: one step at a time, and when it wants the next. A thread drives it, or whoever pumps the store.

use super::LeaderState;
use super::desk::{Work, lock};
use super::worker::Worker;
use crate::error::StorageError;
use crate::threads::Instant;
use std::sync::Arc;
use std::time::Duration;

/// A process may end without ever having followed this leader.
const LOOK_AROUND: Duration = Duration::from_secs(3);
/// The same for a leader that always has something to do.
const LOOK_AROUND_BUSY: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something was done, and more may be there.
    Worked,
    /// There is nothing to do until then, unless somebody calls; or hands something over, where the leader is idle.
    Wait { until: Duration, is_idle: bool },
    /// The last session is gone, and all that could be taken was.
    Ended,
}

/// When the leader does what by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// It worked in the last step: the next one finds out when it rests until.
    has_worked: bool,
    /// After a batch, so that the next one is worth its transactions; after a failure, before it is tried again.
    rest_until: Duration,
    quiet_since: Duration,
    looked_around: Duration,
}

impl Worker {
    /// Works on a thread of its own until the last session is gone, and all that was submitted is taken as far as it can be.
    pub(crate) fn work(&mut self) {
        let (desk, began) = (Arc::clone(&self.desk), Instant::now());
        loop {
            match self.step(began.elapsed()) {
                Step::Worked => {}
                Step::Wait { until, is_idle } => desk.sleep(until.saturating_sub(began.elapsed()), is_idle),
                Step::Ended => return,
            }
        }
    }

    /// One step. `now` counts from any moment and does not go back. Never waits.
    pub(crate) fn step(&mut self, now: Duration) -> Step {
        self.now = now;
        if self.is_fenced {
            return Step::Ended; // Its files are another's now; what was not taken is in the journals.
        }
        if std::mem::take(&mut self.pace.has_worked) {
            self.pace.rest_until = now + self.retry.unwrap_or(self.desk.options.linger);
            self.pace.quiet_since = now;
        }
        let desk = Arc::clone(&self.desk);
        let mut inbox = lock(&desk.inbox);
        let is_called = inbox.is_urgent || inbox.is_stopping;
        if !is_called && now < self.pace.rest_until {
            return Step::Wait { until: self.pace.rest_until, is_idle: false };
        }
        let uplink_due = self.uplink_due();
        let has_work = is_called || !inbox.submissions.is_empty() || self.retry.is_some() || uplink_due <= now;
        if !has_work {
            inbox.is_idle = true;
            drop(inbox);
            return self.idle(now, uplink_due);
        }
        inbox.is_idle = false;
        inbox.is_urgent = false;
        let wants_sync = std::mem::take(&mut inbox.wants_sync);
        let is_stopping = inbox.is_stopping;
        let is_empty = (inbox.submissions.is_empty() || self.retry.is_some()) && inbox.requests.is_empty();
        if is_stopping && (is_empty || self.is_last_call) {
            drop(inbox);
            return self.end();
        }
        self.is_sealed = false;
        // What comes after is of other processes, which keep it in their journals and hand it over again.
        self.is_last_call = is_stopping;
        let (mut submissions, requests) = (std::mem::take(&mut inbox.submissions), std::mem::take(&mut inbox.requests));
        drop(inbox);
        if is_stopping {
            // A flood from outside does not hold up the end.
            submissions.retain(|submission| !submission.is_foreign);
        }
        self.take(Work { submissions, requests, wants_sync, is_stopping });
        self.pace.has_worked = true;
        Step::Worked
    }

    /// Nothing is to be taken: syncs what was taken, then looks around now and then.
    fn idle(&mut self, now: Duration, uplink_due: Duration) -> Step {
        if !self.is_synced() {
            let sync_at = self.pace.quiet_since + self.desk.options.sync_after;
            if now < sync_at {
                return Step::Wait { until: sync_at.min(uplink_due), is_idle: true };
            }
            let _ = self.sync(); // Tried again after the next quiet time; the status shows an error.
            self.pace.quiet_since = now;
            return Step::Worked;
        }
        let look_at = self.pace.looked_around.max(self.pace.quiet_since) + LOOK_AROUND;
        if now < look_at {
            return Step::Wait { until: look_at.min(uplink_due), is_idle: true };
        }
        self.look_around();
        Step::Worked
    }

    fn uplink_due(&self) -> Duration {
        let sync = self.sync.as_ref().filter(|_| self.retry.is_none());
        sync.and_then(super::uplink::Sync::deadline).unwrap_or(Duration::MAX)
    }

    fn end(&mut self) -> Step {
        if std::mem::replace(&mut self.is_sealed, true) {
            return Step::Ended;
        }
        let _ = self.sync(); // What could not be synced is still in the journals.
        self.leader.seal();
        // Both take a moment, in which another process may have asked for something.
        Step::Worked
    }

    fn take(&mut self, work: Work) {
        self.in_flight = work.submissions;
        let ingested = self.ingest().and_then(|()| self.step_sync());
        if !self.in_flight.is_empty() {
            self.desk.give_back(std::mem::take(&mut self.in_flight), Vec::new());
        }
        match ingested {
            Ok(()) => {
                let was_failing = self.retry.take().is_some();
                self.show_trouble(was_failing);
            }
            Err(error) if error.is_fenced() => self.give_way(&error),
            Err(error) => {
                let wait = self.retry.map_or(RETRY_FIRST, |wait| (wait * 2).min(RETRY_LAST));
                self.retry = Some(wait);
                tracing::warn!(%error, "the leader's step failed and is tried again");
                self.desk.set_state(LeaderState::Retrying { error, retry_in_ms: wait.as_millis() as u64 });
            }
        }
        if work.wants_sync {
            let _ = self.sync(); // The status shows an error.
        }
        work.requests.into_iter().for_each(|request| self.serve(request));
        if self.now >= self.pace.looked_around + LOOK_AROUND_BUSY && !self.is_fenced {
            self.look_around();
        }
    }

    /// Another leader writes the files now.
    pub(super) fn give_way(&mut self, error: &StorageError) {
        self.is_fenced = true;
        let reason = format!("{error}; open the store again, what was not taken is in the journals");
        self.desk.close(&reason.into());
    }

    fn look_around(&mut self) {
        self.pace.looked_around = self.now;
        if let Err(error) = self.take_ended_journals() {
            if error.is_fenced() {
                return self.give_way(&error);
            }
            tracing::warn!(%error, "journals of processes that ended could not be taken yet");
        }
    }

    /// A step went through. What the backend said may still wait for a disk that fails.
    fn show_trouble(&mut self, was_failing: bool) {
        let trouble = self.sync.as_ref().and_then(|sync| sync.trouble(self.now));
        let is_new = trouble.is_some() != std::mem::replace(&mut self.has_trouble, trouble.is_some());
        if !is_new && !was_failing {
            return;
        }
        self.desk.set_state(trouble.map_or(LeaderState::Running, |(error, wait)| LeaderState::Retrying {
            error,
            retry_in_ms: wait.as_millis() as u64,
        }));
    }
}
