//! What each commit's receipt told.

use crate::history::History;
use livestore::{Outcome, Receipt, WaitError};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Rings when there is something to hear.
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A commit that was taken.
pub(crate) struct Record {
    pub(crate) origin: u64,
    pub(crate) number: u64,
    pub(crate) events: u64,
    receipt: Receipt,
    bell: Arc<Bell>,
    /// It told its outcome.
    is_over: bool,
    /// It told a provisional outcome.
    is_told: bool,
}

impl Record {
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.origin, self.number)
    }

    /// Whether it told anything.
    pub(crate) fn has_told(&self) -> bool {
        self.is_over || self.is_told
    }
}

#[derive(Default)]
pub(crate) struct Receipts {
    records: Vec<Record>,
    /// Those whose outcome is not known.
    open: Vec<usize>,
    /// When something of a session was confirmed.
    confirmed: BTreeMap<u64, Vec<Duration>>,
}

impl Receipts {
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(crate) fn add(&mut self, origin: u64, number: u64, events: u64, receipt: Receipt) {
        let bell = Arc::new(Bell(AtomicBool::new(true)));
        self.open.push(self.records.len());
        self.records.push(Record { origin, number, events, receipt, bell, is_over: false, is_told: false });
    }

    /// L6: from the start until then each session had something confirmed every so often.
    pub(crate) fn check_progress(&self, sessions: u64, until: Duration, every: Duration) -> Result<(), String> {
        for origin in 1..=sessions {
            let times = self.confirmed.get(&origin).into_iter().flatten().copied();
            let mut before = Duration::ZERO;
            for time in times.filter(|time| *time < until).chain([until]) {
                if time > before + every {
                    return Err(format!("L6: session {origin} had nothing confirmed from {before:?} to {time:?}"));
                }
                before = time;
            }
        }
        Ok(())
    }

    /// L3: a session is gone, so no receipt of its commits waits any more.
    pub(crate) fn check_closed(&mut self, origin: u64) -> Result<(), String> {
        for index in &self.open {
            let record = &mut self.records[*index];
            let mut context = Context::from_waker(Waker::noop());
            let is_own = record.origin == origin;
            if is_own && Pin::new(&mut record.receipt).poll(&mut context).is_pending() {
                return Err(format!("L3: the receipt of {} outlives its session, and waits", record.name()));
            }
        }
        Ok(())
    }

    /// Asks those that rang; with `is_dear` all of them, of which none may have something to tell that did not ring.
    pub(crate) fn poll(
        &mut self,
        history: &History,
        keeps_identity: bool,
        is_dear: bool,
        now: Duration,
    ) -> Result<(), String> {
        let mut open = std::mem::take(&mut self.open);
        let mut result = Ok(());
        open.retain(|index| {
            let record = &mut self.records[*index];
            if result.is_ok() {
                result = record.poll(history, keeps_identity, is_dear);
            }
            if record.is_over {
                self.confirmed.entry(record.origin).or_default().push(now);
            }
            !record.is_over
        });
        self.open = open;
        result
    }
}

impl Record {
    fn poll(&mut self, history: &History, keeps_identity: bool, is_dear: bool) -> Result<(), String> {
        let has_rung = self.bell.0.swap(false, Ordering::Relaxed);
        if !has_rung && !is_dear {
            return Ok(());
        }
        let waker = Waker::from(Arc::clone(&self.bell));
        let Poll::Ready(outcome) = Pin::new(&mut self.receipt).poll(&mut Context::from_waker(&waker)) else {
            return Ok(());
        };
        // What is provisional is told at once, and nobody rings when it becomes final.
        if !has_rung && !self.is_told {
            return Err(format!("L3: the receipt of {} had {outcome:?} to tell, and woke nobody", self.name()));
        }
        self.hear(outcome, history, keeps_identity)
    }

    fn hear(
        &mut self,
        outcome: Result<Outcome, WaitError>,
        history: &History,
        keeps_identity: bool,
    ) -> Result<(), String> {
        let tag = (self.origin, self.number, self.events.saturating_sub(1));
        match outcome {
            Ok(outcome) if outcome.is_provisional => {
                // No backend was met yet; what comes later tells.
                self.is_told = true;
                crate::sometimes!("a receipt tells what is provisional");
                return Ok(());
            }
            Ok(outcome) => {
                // Where each event is confirmed alone, the first that is quarantined tells for all.
                let is_early = !keeps_identity && outcome.quarantined.is_some();
                if self.events > 0 && !is_early && !history.has_been_at(&tag, outcome.number.global) {
                    return Err(format!("L2: {tag:?} was confirmed at {}, where it never was", outcome.number));
                }
                crate::sometimes!("a receipt tells of a quarantine", outcome.quarantined.is_some());
            }
            Err(WaitError::Rejected { reason }) => {
                crate::sometimes!("a receipt tells of a rejection");
                // What is kept aside when a backend comes may be in what that one holds.
                let is_kept = history.is_shaken() && reason.contains("kept aside");
                if keeps_identity && !is_kept && history.holds(&tag) {
                    return Err(format!("L2: {tag:?} was rejected and is in the log: {reason}"));
                }
            }
            Err(_) => {}
        }
        self.is_over = true;
        Ok(())
    }
}
