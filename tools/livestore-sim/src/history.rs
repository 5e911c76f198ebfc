//! What the backend's log was, event by event.

use crate::receipts::Receipts;
use crate::workload::{ReadTag, Tag, tag_of};
use livestore::SyncEvent;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Which commit a tagged event belongs to.
pub(crate) fn commit_of(event: &SyncEvent, read: ReadTag) -> Option<String> {
    tag_of(event, read).map(|(origin, number, _)| format!("{origin}.{number}"))
}

pub(crate) struct History {
    read_tag: ReadTag,
    keeps_identity: bool,
    pub(crate) receipts: Receipts,
    /// Sessions whose pending commits went with their memory.
    lost: BTreeSet<u64>,
    /// The backend's log as far as it was read.
    pub(crate) log: Vec<SyncEvent>,
    /// Where each event is, and where it was in a log that is no more.
    seen: BTreeMap<Tag, Vec<u64>>,
    was: BTreeMap<Tag, Vec<u64>>,
    last: BTreeMap<u64, (u64, u64)>,
    /// What the backend held before it was replaced or lost events.
    pub(crate) past: Vec<Vec<SyncEvent>>,
    /// A client may have met a page of a backend that is not there.
    is_strange: bool,
    /// Sessions whose client keeps aside what another backend does not hold. Somebody else may bring it back later.
    keeping_aside: BTreeSet<u64>,
    /// Commits that the store refused at once.
    refused: BTreeSet<(u64, u64)>,
}

impl History {
    pub(crate) fn new(keeps_identity: bool, read_tag: ReadTag) -> Self {
        Self {
            read_tag,
            keeps_identity,
            receipts: Receipts::default(),
            lost: BTreeSet::new(),
            log: Vec::new(),
            seen: BTreeMap::new(),
            was: BTreeMap::new(),
            last: BTreeMap::new(),
            past: Vec::new(),
            is_strange: false,
            keeping_aside: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
    }

    pub(crate) fn may_lose(&mut self, origins: &[u64]) {
        self.lost.extend(origins);
    }

    /// The store refused a commit: nothing of it may ever be anywhere.
    pub(crate) fn refused(&mut self, origin: u64, number: u64) {
        self.refused.insert((origin, number));
    }

    pub(crate) fn keeps_aside(&mut self, origin: u64) {
        self.keeping_aside.insert(origin);
    }

    /// Whether what a backend confirmed may be pending again at clients.
    pub(crate) fn is_shaken(&self) -> bool {
        self.is_strange || !self.past.is_empty()
    }

    /// One page comes under a strange id.
    pub(crate) fn meet_stranger(&mut self) {
        self.is_strange = true;
    }

    /// The backend holds another log from here on.
    pub(crate) fn begin_again(&mut self, log: &[SyncEvent]) -> Result<(), String> {
        self.past.push(std::mem::take(&mut self.log));
        for (tag, numbers) in std::mem::take(&mut self.seen) {
            self.was.entry(tag).or_default().extend(numbers);
        }
        self.last.clear();
        self.follow(log)
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
        let Some(tag) = tag_of(event, self.read_tag) else {
            return Err(format!("e{} has no tag: {event:?}", event.number));
        };
        if self.refused.contains(&(tag.0, tag.1)) {
            return Err(format!("D1: {tag:?} is at the backend, and its commit was refused"));
        }
        // Without ids nobody can tell what another client brought back already.
        let is_lax = !self.keeps_identity && self.is_shaken();
        let numbers = self.seen.entry(tag).or_default();
        numbers.push(event.number);
        if is_lax {
            crate::sometimes!("an event comes back twice to a backend without ids", numbers.len() > 1);
            return Ok(());
        }
        if let [first, second, ..] = **numbers {
            return Err(format!("O4: {tag:?} is e{first} and e{second}"));
        }
        if self.keeping_aside.contains(&tag.0) && self.is_shaken() {
            return Ok(());
        }
        let place = (tag.1, tag.2);
        match self.last.insert(tag.0, place) {
            Some(before) if before > place => Err(format!("O3: session {}: {place:?} comes after {before:?}", tag.0)),
            _ => Ok(()),
        }
    }

    /// Whether the event is, or was, at this number.
    pub(crate) fn has_been_at(&self, tag: &Tag, number: u64) -> bool {
        [&self.seen, &self.was].into_iter().any(|known| known.get(tag).is_some_and(|at| at.contains(&number)))
    }

    /// Whether the backend holds the event.
    pub(crate) fn holds(&self, tag: &Tag) -> bool {
        self.seen.contains_key(tag)
    }

    /// L2: an outcome is the right one, and stays what it was.
    pub(crate) fn poll(&mut self, is_dear: bool, now: Duration) -> Result<(), String> {
        let mut receipts = std::mem::take(&mut self.receipts);
        let polled = receipts.poll(self, self.keeps_identity, is_dear, now);
        self.receipts = receipts;
        polled
    }

    /// L2, L3, O4, O6: each commit has an outcome, and is in the log once or was refused. `elsewhere` are commits that a client
    /// holds and did not push, because it was told not to.
    pub(crate) fn check_end(&self, refused: &BTreeSet<String>, elsewhere: &BTreeSet<String>) -> Result<(), String> {
        for record in self.receipts.records() {
            let name = record.name();
            let is_elsewhere = elsewhere.contains(&name);
            if !record.has_told() && !is_elsewhere {
                return Err(format!("L2: the receipt of {name} never told"));
            }
            let found = (0..record.events).filter(|i| self.holds(&(record.origin, record.number, *i)));
            let found = found.count() as u64;
            let may_miss = is_elsewhere || refused.contains(&name) || self.lost.contains(&record.origin);
            if found < record.events && !may_miss {
                return Err(format!("O4: {found} of {} events of {name} are in the log", record.events));
            }
            if self.keeps_identity && found != 0 && found != record.events {
                return Err(format!("O6: {found} of {} events of {name} are in the log", record.events));
            }
        }
        Ok(())
    }

    /// The log in the groups in which it is applied.
    pub(crate) fn groups(&self) -> Vec<Vec<SyncEvent>> {
        let mut groups = vec![Vec::new()];
        for event in &self.log {
            groups.last_mut().expect("one is there").push(event.clone());
            if !self.keeps_identity || event.rest.is_none_or(|rest| rest == 0) {
                groups.push(Vec::new());
            }
        }
        groups.retain(|group| !group.is_empty());
        groups
    }
}
