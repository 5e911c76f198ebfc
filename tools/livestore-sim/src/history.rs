//! What was committed, and what became of it.

use crate::workload::tag_of;
use livestore::{Receipt, SyncEvent, WaitError};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Which commit a tagged event belongs to.
pub(crate) fn commit_of(event: &SyncEvent) -> Option<String> {
    tag_of(event).map(|(origin, number, _)| format!("{origin}.{number}"))
}

pub(crate) struct Record {
    pub(crate) origin: u64,
    pub(crate) number: u64,
    pub(crate) events: u64,
    receipt: Receipt,
    outcome: Option<Result<u64, String>>,
    /// It told a provisional outcome.
    is_told: bool,
}

#[derive(Default)]
pub(crate) struct History {
    pub(crate) records: Vec<Record>,
    /// Sessions whose pending commits went with their memory.
    lost: BTreeSet<u64>,
    /// The backend's log as far as it was read, with the tags.
    pub(crate) log: Vec<SyncEvent>,
    seen: BTreeMap<(u64, u64, u64), u64>,
    last: BTreeMap<u64, (u64, u64)>,
}

impl History {
    pub(crate) fn committed(&mut self, origin: u64, number: u64, events: u64, receipt: Receipt) {
        self.records.push(Record { origin, number, events, receipt, outcome: None, is_told: false });
    }

    pub(crate) fn may_lose(&mut self, origins: &[u64]) {
        self.lost.extend(origins);
    }

    /// O1, O3, O4: takes what the backend appended.
    pub(crate) fn follow(&mut self, log: &[SyncEvent]) -> Result<(), String> {
        if log.get(..self.log.len()) != Some(&self.log) {
            return Err("O2: the backend's log changed behind".into());
        }
        for event in &log[self.log.len()..] {
            let before = self.log.last().map_or(0, |last| last.number);
            if event.number != before + 1 || event.parent != before {
                return Err(format!("O1: e{} with parent e{} follows e{before}", event.number, event.parent));
            }
            self.meet(event)?;
            self.log.push(event.clone());
        }
        Ok(())
    }

    fn meet(&mut self, event: &SyncEvent) -> Result<(), String> {
        let Some(tag) = tag_of(event) else { return Err(format!("e{} has no tag: {event:?}", event.number)) };
        if let Some(first) = self.seen.insert(tag, event.number) {
            return Err(format!("O4: {tag:?} is e{first} and e{}", event.number));
        }
        let place = (tag.1, tag.2);
        match self.last.insert(tag.0, place) {
            Some(before) if before > place => Err(format!("O3: session {}: {place:?} comes after {before:?}", tag.0)),
            _ => Ok(()),
        }
    }

    /// L2: an outcome stays what it was.
    pub(crate) fn poll(&mut self, keeps_identity: bool) -> Result<(), String> {
        for record in &mut self.records {
            if record.outcome.is_some() {
                continue;
            }
            let mut receipt = record.receipt.clone();
            let tag = (record.origin, record.number, record.events.saturating_sub(1));
            match Pin::new(&mut receipt).poll_once() {
                None => {}
                Some(Ok(outcome)) => {
                    if outcome.is_provisional {
                        // No backend was met yet; what comes later tells.
                        record.is_told = true;
                        crate::sometimes!("a receipt tells what is provisional");
                        continue;
                    }
                    // Where each event is confirmed alone, the first that is quarantined tells for all.
                    let is_early = !keeps_identity && outcome.quarantined.is_some();
                    let at = self.seen.get(&tag).copied();
                    if record.events > 0 && !is_early && at != Some(outcome.number.global) {
                        return Err(format!("L2: {tag:?} was confirmed at {}, and is at {at:?}", outcome.number));
                    }
                    crate::sometimes!("a receipt tells of a quarantine", outcome.quarantined.is_some());
                    record.outcome = Some(Ok(outcome.number.global));
                }
                Some(Err(WaitError::Rejected { reason })) => {
                    crate::sometimes!("a receipt tells of a rejection");
                    if keeps_identity && self.seen.contains_key(&tag) {
                        return Err(format!("L2: {tag:?} was rejected and is in the log"));
                    }
                    record.outcome = Some(Err(reason.to_string()));
                }
                Some(Err(error)) => record.outcome = Some(Err(error.to_string())),
            }
        }
        Ok(())
    }

    /// L2, O4, O6: each commit has an outcome, and is in the log once or was refused.
    pub(crate) fn check_end(&self, refused: &BTreeSet<String>, keeps_identity: bool) -> Result<(), String> {
        for record in &self.records {
            let name = format!("{}.{}", record.origin, record.number);
            if record.outcome.is_none() && !record.is_told {
                return Err(format!("L2: the receipt of {name} never told"));
            }
            let found = (0..record.events).filter(|i| self.seen.contains_key(&(record.origin, record.number, *i)));
            let found = found.count() as u64;
            let may_miss = refused.contains(&name) || self.lost.contains(&record.origin);
            if found < record.events && !may_miss {
                return Err(format!("O4: {found} of {} events of {name} are in the log", record.events));
            }
            if keeps_identity && found != 0 && found != record.events {
                return Err(format!("O6: {found} of {} events of {name} are in the log", record.events));
            }
        }
        Ok(())
    }

    /// The log in the groups in which it is applied.
    pub(crate) fn groups(&self, count: usize, keeps_identity: bool) -> Vec<Vec<SyncEvent>> {
        let mut groups = vec![Vec::new()];
        for event in self.log.iter().take(count) {
            groups.last_mut().expect("one is there").push(event.clone());
            if !keeps_identity || event.rest.is_none_or(|rest| rest == 0) {
                groups.push(Vec::new());
            }
        }
        groups.retain(|group| !group.is_empty());
        groups
    }
}

trait PollOnce {
    type Output;
    fn poll_once(self) -> Option<Self::Output>;
}

impl<F: Future> PollOnce for Pin<&mut F> {
    type Output = F::Output;

    fn poll_once(self) -> Option<F::Output> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
}
