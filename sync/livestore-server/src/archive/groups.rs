//! The rules that a whole log keeps, one event after the other.

use crate::storage::{Entry, IdSet, NUMBER_MAX};
use livestore_sync_protocol::{Event, Limits, RawJson, check_push};

/// Follows a log from its first event: every event follows the one before, every commit group is whole, no id comes twice, and
/// everything fits what a client can be sent. It remembers the ids: what one journal gave costs little, ids of another shape some
/// fifty bytes each.
#[derive(Debug, Default)]
pub(super) struct Chain {
    head: u64,
    group: Vec<Event>,
    ids: IdSet,
}

impl Chain {
    /// Takes the next event.
    ///
    /// # Errors
    /// Why it cannot be the next one.
    pub(super) fn take(&mut self, event: Event) -> Result<(), String> {
        let Event { number, parent, .. } = event;
        let expected = self.head + 1;
        if number != expected || parent != self.head {
            return Err(format!("e{number} with the parent e{parent} stands where e{expected} should"));
        }
        if number > NUMBER_MAX {
            return Err(format!("e{number} is beyond e{NUMBER_MAX}, where a log ends at the latest"));
        }
        if let Some(args) = &event.args {
            RawJson::new(args.text()).map_err(|error| format!("e{number}: {error}"))?;
        }
        if let Some(id) = event.id.filter(|id| !self.ids.insert(*id)) {
            return Err(format!("e{number} has the id {id}, which an event before it has"));
        }
        self.head = number;
        self.group.push(event);
        if self.is_whole() || self.group.len() > Limits::GROUP_EVENTS {
            check_push(&self.group, &Limits::default()).map_err(|error| error.to_string())?;
            self.group.clear();
        }
        Ok(())
    }

    /// The number of the last event.
    pub(super) const fn head(&self) -> u64 {
        self.head
    }

    /// Whether the last event ends its group.
    pub(super) fn is_whole(&self) -> bool {
        self.group.last().is_none_or(Event::ends_group)
    }

    /// The log ends here.
    pub(super) fn end(&self) -> Result<(), String> {
        match self.group.last().and_then(|last| last.rest) {
            Some(missing @ 1..) => {
                Err(format!("e{} is the last, {missing} events before its commit group ends", self.head))
            }
            _ => Ok(()),
        }
    }
}

/// The event of an entry, when both say the same.
pub(super) fn event_of(entry: &Entry) -> Result<Event, String> {
    let number = entry.number;
    let event: Event =
        serde_json::from_str(&entry.body).map_err(|error| format!("e{number} does not read: {error}"))?;
    if event.number != number {
        return Err(format!("e{number} says that it is e{}", event.number));
    }
    if event.rest != entry.rest {
        return Err(format!("e{number} says another place in its commit group than its row"));
    }
    Ok(event)
}
