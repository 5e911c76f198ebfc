//! One store's log, and what may be appended to it.

use super::{Kind, PAGE_BYTES_MAX, PAGE_EVENTS_MAX};
use crate::ids::EventId;
use crate::mutant::{self, Mutant};
use crate::sync::{PageInfo, PushRefusal, SyncEvent};
use std::collections::BTreeMap;

/// The largest event, in payload bytes.
const EVENT_BYTES_MAX: usize = 900_000;
/// The largest commit group, and so the largest push.
const PUSH_EVENTS_MAX: usize = 1_000;
const PUSH_BYTES_MAX: usize = 900_000;

#[derive(Default)]
pub(super) struct Log {
    events: Vec<SyncEvent>,
    /// Where each event stands that came with an id: an id is in the log once.
    numbers: BTreeMap<EventId, u64>,
}

/// Why a push is not appended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Told in the answer to the push.
    Push(PushRefusal),
    /// The push is no push: the connection ends.
    Protocol(String),
}

impl Log {
    pub(super) fn head(&self) -> u64 {
        self.events.len() as u64
    }

    pub(super) fn events(&self) -> &[SyncEvent] {
        &self.events
    }

    /// The events after a number; none where the log ends before it.
    pub(super) fn after(&self, number: u64) -> &[SyncEvent] {
        let start = usize::try_from(number).unwrap_or(usize::MAX);
        self.events.get(start..).unwrap_or_default()
    }

    /// How many events of a push the log holds already, when the others may follow now.
    pub(super) fn admit(&self, kind: Kind, events: &[SyncEvent]) -> Result<usize, Refused> {
        check_chain(events)?;
        check_sizes(events)?;
        if kind == Kind::KeepsIdentity {
            check_groups(events)?;
        }
        let stored = self.stored(events);
        let Some(next) = events.get(stored) else { return Ok(stored) };
        if next.parent != self.head() {
            return Err(Refused::Push(PushRefusal::ServerAhead { head: self.head() }));
        }
        self.check_ids(&events[stored..])?;
        Ok(stored)
    }

    /// The longest prefix that is here under the same ids at the same numbers: a push that was sent again. None where ids are
    /// not kept.
    pub(super) fn stored(&self, events: &[SyncEvent]) -> usize {
        let is_here = |event: &&SyncEvent| event.id.is_some_and(|id| self.numbers.get(&id) == Some(&event.number));
        events.iter().take_while(is_here).count()
    }

    fn check_ids(&self, events: &[SyncEvent]) -> Result<(), Refused> {
        let mut seen = BTreeMap::new();
        for event in events {
            let Some(id) = event.id else { continue };
            let earlier = self.numbers.get(&id).copied().or_else(|| seen.insert(id, event.number));
            if let Some(earlier) = earlier {
                return protocol(format!("e{} has the id {id} of e{earlier}", event.number));
            }
        }
        Ok(())
    }

    /// Appends what [`admit`](Self::admit) let in.
    pub(super) fn append(&mut self, kind: Kind, events: impl IntoIterator<Item = SyncEvent>) {
        for mut event in events {
            if kind == Kind::LikeTheOriginal {
                (event.id, event.rest) = (None, None);
            }
            if let Some(id) = event.id {
                self.numbers.insert(id, event.number);
            }
            self.events.push(event);
        }
    }

    /// Takes the last events off, whole groups where they are kept.
    pub(super) fn rewind(&mut self, events: u64) -> Vec<SyncEvent> {
        let mut kept = self.head().saturating_sub(events);
        let is_cut = |kept: u64| {
            let last = kept.checked_sub(1).and_then(|last| self.events.get(usize::try_from(last).ok()?));
            last.is_some_and(|last| last.rest.unwrap_or(0) > 0)
        };
        while is_cut(kept) {
            kept -= 1;
        }
        let lost = self.events.split_off(usize::try_from(kept).unwrap_or(0));
        self.numbers.retain(|_, number| *number <= kept);
        lost
    }

    /// The next page after a number, of at most so many events: whole groups where they are kept.
    pub(super) fn page(&self, after: u64, events_max: usize) -> &[SyncEvent] {
        let following = self.after(after);
        let (mut len, mut bytes) = (0, 0);
        for (index, event) in following.iter().enumerate().take(PUSH_EVENTS_MAX) {
            bytes += event.bytes();
            // The first group goes whole, however long.
            if len > 0
                && (mutant::is(Mutant::PageSplitsGroups)
                    || index >= events_max.min(PAGE_EVENTS_MAX)
                    || bytes > PAGE_BYTES_MAX)
            {
                break;
            }
            if event.rest.unwrap_or(0) == 0 || mutant::is(Mutant::PageSplitsGroups) {
                len = index + 1;
            }
        }
        &following[..len]
    }

    /// What follows a page that ends at a number.
    pub(super) fn info(&self, last: u64) -> PageInfo {
        match self.head().saturating_sub(last) {
            0 => PageInfo::Last,
            more => PageInfo::More(more),
        }
    }
}

fn protocol<T>(reason: String) -> Result<T, Refused> {
    Err(Refused::Protocol(reason))
}

fn rejected<T>(event: &SyncEvent, reason: String) -> Result<T, Refused> {
    Err(Refused::Push(PushRefusal::Rejected { number: event.number, reason }))
}

fn check_chain(events: &[SyncEvent]) -> Result<(), Refused> {
    let mut expected = None;
    for event in events {
        if event.parent.checked_add(1) != Some(event.number) {
            return protocol(format!("e{} of a push has the parent e{}", event.number, event.parent));
        }
        if expected.is_some_and(|expected| event.parent != expected) {
            return protocol(format!("e{} of a push follows e{}", event.number, expected.unwrap_or_default()));
        }
        expected = Some(event.number);
    }
    Ok(())
}

fn check_sizes(events: &[SyncEvent]) -> Result<(), Refused> {
    for event in events {
        if event.bytes() > EVENT_BYTES_MAX {
            return rejected(event, format!("{} bytes, at most {EVENT_BYTES_MAX}", event.bytes()));
        }
    }
    let bytes: usize = events.iter().map(SyncEvent::bytes).sum();
    if events.len() > PUSH_EVENTS_MAX || bytes > PUSH_BYTES_MAX {
        return protocol(format!(
            "a push of {} events and {bytes} bytes, at most {PUSH_EVENTS_MAX} and {PUSH_BYTES_MAX}",
            events.len()
        ));
    }
    Ok(())
}

/// Every group is there to its end; an event without a group is one of its own.
fn check_groups(events: &[SyncEvent]) -> Result<(), Refused> {
    let mut open = 0;
    for event in events {
        let rest = event.rest.unwrap_or(0);
        if open > 0 && event.rest != Some(open - 1) {
            return protocol(format!("e{} of a push leaves its commit group open, {open} events early", event.parent));
        }
        open = rest;
    }
    match (open, events.last()) {
        (1.., Some(last)) => {
            protocol(format!("a push ends at e{}, {open} events before its commit group does", last.number))
        }
        _ => Ok(()),
    }
}
