//! The end of a log, in memory: what live pulls ask for again and again.

use crate::storage::{Entry, ReadMax};
use std::collections::VecDeque;

/// The last events of a log, without gaps up to its head, within a bound of bytes.
#[derive(Debug)]
pub struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
    head: u64,
}

impl Recent {
    /// Nothing of a log that ends at `head`.
    #[must_use]
    pub fn new(head: u64, bytes_max: usize) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, bytes_max, head }
    }

    /// The number of the log's last event.
    #[must_use]
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// Adds events that follow the head.
    pub fn push(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.head = entry.number;
            self.bytes += entry.body.len();
            self.entries.push_back(entry);
        }
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.body.len();
        }
    }

    /// The log goes on to `head` by events that are not at hand.
    pub fn skip_to(&mut self, head: u64) {
        self.entries.clear();
        (self.bytes, self.head) = (0, head);
    }

    /// The events after a number, up to `max`; `None` when the first of them is no longer at hand.
    #[must_use]
    pub fn after(&self, number: u64, max: ReadMax) -> Option<Vec<Entry>> {
        if number >= self.head {
            return Some(Vec::new());
        }
        let oldest = self.entries.front()?.number;
        let skip = usize::try_from((number + 1).checked_sub(oldest)?).ok()?;
        let mut bytes = 0;
        let found = self.entries.range(skip.min(self.entries.len())..).take(max.events.max(1));
        let found = found.enumerate().take_while(|(index, entry)| {
            bytes += entry.body.len();
            *index == 0 || bytes <= max.bytes
        });
        Some(found.map(|(_, entry)| entry.clone()).collect())
    }
}
