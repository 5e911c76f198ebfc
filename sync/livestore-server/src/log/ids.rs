//! Which ids a log holds: an id is in it at most once.

use crate::storage::{Entry, IdSet, Nonce, Origin};
use livestore_sync_protocol::{Event, EventId};
use std::collections::{HashMap, HashSet};

/// Nonces that are remembered; a push has at most 1,000.
const NONCES_MAX: usize = 4_096;
/// Runs of ids that are remembered once a search was needed: a few MiB.
const RUNS_MAX: usize = 65_536;

/// What is known of the ids in one log.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// The highest ordinals, `None` where there is none. Never lower than they are in the log that is known.
    highest: HashMap<Nonce, Option<u64>>,
    /// The ids themselves up to a number, since a search had to look at them.
    seen: Seen,
}

#[derive(Debug, Default)]
struct Seen {
    upto: u64,
    ids: IdSet,
    /// There are too many: each search begins at the first event.
    is_given_up: bool,
}

/// How the ids of a push stand to a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// None is in it.
    New,
    /// The highest ordinals of these nonces have to be known first.
    Ask(Vec<Nonce>),
    /// Some may be in it.
    Search(Search),
    /// Two events of the push have the same.
    Twice(Repeated),
}

/// An event whose id another event has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) number: u64,
    pub(super) id: EventId,
    pub(super) of: u64,
}

/// A look through the log for ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Search {
    /// With the numbers that they are pushed with.
    suspects: HashMap<EventId, u64>,
    /// What comes next is after this number.
    pub(super) after: u64,
}

impl Ids {
    pub(super) fn standing(&self, batch: &[Event]) -> Standing {
        if let Some(twice) = twice(batch) {
            return Standing::Twice(twice);
        }
        let (mut ask, mut suspects) = (Vec::new(), HashMap::new());
        for (id, number) in batch.iter().filter_map(|event| Some((event.id?, event.number))) {
            let Origin { nonce, ordinal } = Origin::of(id);
            match self.highest.get(&nonce) {
                None if ask.last() != Some(&nonce) => ask.push(nonce),
                Some(Some(highest)) if ordinal <= *highest => drop(suspects.insert(id, number)),
                _ => {}
            }
        }
        if !ask.is_empty() {
            Standing::Ask(ask)
        } else if suspects.is_empty() {
            Standing::New
        } else {
            Standing::Search(self.search(suspects))
        }
    }

    fn search(&self, suspects: HashMap<EventId, u64>) -> Search {
        // Where it is known to be there, its number is not.
        let is_there = suspects.keys().any(|id| self.seen.ids.contains(*id));
        let after = if is_there || self.seen.is_given_up { 0 } else { self.seen.upto };
        Search { suspects, after }
    }

    /// What the storage says of nonces.
    pub(super) fn learn(&mut self, nonces: Vec<Nonce>, highest: Vec<Option<u64>>) {
        if self.highest.len() + nonces.len() > NONCES_MAX {
            self.highest.clear();
        }
        self.highest.extend(nonces.into_iter().zip(highest));
    }

    /// Goes on with a search; the first of its ids that is found.
    pub(super) fn look(&mut self, search: &mut Search, head: u64, page: &[Entry]) -> Option<Repeated> {
        for entry in page.iter().take_while(|entry| entry.number <= head) {
            let id = entry.id();
            self.seen.add(entry.number, id);
            search.after = entry.number;
            let found = id.and_then(|id| Some((id, *search.suspects.get(&id)?)));
            if let Some((id, number)) = found {
                return Some(Repeated { number, id, of: entry.number });
            }
        }
        None
    }

    /// These were appended to the log.
    pub(super) fn appended(&mut self, batch: &[Event]) {
        // Who never had to search remembers nothing.
        let is_searched = self.seen.upto > 0;
        for event in batch {
            if is_searched {
                self.seen.add(event.number, event.id);
            }
            let Some(Origin { nonce, ordinal }) = event.id.map(Origin::of) else { continue };
            if let Some(highest) = self.highest.get_mut(&nonce) {
                *highest = Some(ordinal).max(*highest);
            }
        }
    }

    /// Somebody else appended to the log.
    pub(super) fn moved(&mut self) {
        self.highest.clear();
    }
}

impl Seen {
    fn add(&mut self, number: u64, id: Option<EventId>) {
        // Without gaps, or not at all.
        if self.is_given_up || number != self.upto + 1 {
            return;
        }
        self.upto = number;
        id.map(|id| self.ids.insert(id));
        if self.ids.runs() > RUNS_MAX {
            *self = Self { is_given_up: true, ..Self::default() };
        }
    }
}

/// The first event of a push that has the id of one before it.
fn twice(batch: &[Event]) -> Option<Repeated> {
    // They rise, where one journal gave them.
    let ids = || batch.iter().filter_map(|event| event.id);
    if ids().is_sorted_by(|a, b| a < b) {
        return None;
    }
    let mut seen = HashSet::new();
    let again = batch.iter().find(|event| event.id.is_some_and(|id| !seen.insert(id)))?;
    let first = batch.iter().find(|event| event.id == again.id)?;
    Some(Repeated { number: again.number, id: again.id?, of: first.number })
}
