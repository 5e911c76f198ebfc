//! What one client knows of its store's log, and whether that is what it has to be. Without input or output.

use livestore_sync_protocol::Event;
use std::collections::VecDeque;

/// Something that a backend must not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// An event that does not follow the one before: lost, twice, or out of order.
    Order { expected: u64, got: u64 },
    /// One's own event is not the one that comes next: lost, twice, or out of order.
    Own { expected: u64, got: u64 },
    /// One's own event was taken under another number than was said.
    Moved { index: u64, said: u64, got: u64 },
    /// The log is another one.
    Backend,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Order { expected, got } => write!(f, "e{got} came where e{expected} comes next"),
            Self::Own { expected, got } => write!(f, "own event {got} came where {expected} comes next"),
            Self::Moved { index, said, got } => write!(f, "own event {index} was taken as e{said} and came as e{got}"),
            Self::Backend => f.write_str("the log has another backend id"),
        }
    }
}

/// A push that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pushing {
    /// The first of the client's events in it.
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// The number before its first event.
    pub(crate) parent: u64,
}

/// One client's view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// Whether it pushes without following the log.
    pub(crate) is_blind: bool,
    /// The number of the last event that came.
    pub(crate) head: u64,
    /// A sum over all that came, in order: equal for all clients that got the same.
    pub(crate) chain: u32,
    /// How far the log is at least, by what the server said to a push.
    known_head: u64,
    /// How many events the client committed, how many of them were taken, and how many came back.
    pub(crate) committed: u64,
    pub(crate) acked: u64,
    pub(crate) delivered: u64,
    /// When those were committed that are not acknowledged, in microseconds.
    due: VecDeque<u64>,
    /// The runs of own events that were acknowledged and did not come back yet: the first, how many, the number of the first.
    promised: VecDeque<(u64, u64, u64)>,
    pub(crate) pushing: Option<Pushing>,
}

impl Book {
    pub(crate) fn new(is_blind: bool) -> Self {
        Self { is_blind, ..Self::default() }
    }

    pub(crate) fn commit(&mut self, at: u64) {
        self.committed += 1;
        self.due.push_back(at);
    }

    /// Whether every event that was committed is in the log, as far as is known here.
    pub(crate) const fn is_settled(&self) -> bool {
        self.pushing.is_none() && self.next() == self.committed
    }

    /// The first event that is not known to be in the log.
    pub(crate) const fn next(&self) -> u64 {
        if self.acked > self.delivered { self.acked } else { self.delivered }
    }

    /// The next push, of at most so many events; `None` while one is under way, nothing waits, or the log goes on further than came.
    pub(crate) fn push(&mut self, max: u64) -> Option<Pushing> {
        let count = (self.committed - self.next()).min(max);
        let parent = if self.is_blind { self.known_head } else { self.head.max(self.promised_head()) };
        if self.pushing.is_some() || count == 0 || self.known_head > parent {
            return None;
        }
        let pushing = Pushing { first: self.next(), count, parent };
        self.pushing = Some(pushing);
        Some(pushing)
    }

    /// The number of the last own event that was taken and did not come yet: what follows may be pushed on top of it at once.
    fn promised_head(&self) -> u64 {
        self.promised.back().map_or(0, |(_, count, number)| number + count - 1)
    }

    /// When the event was committed.
    pub(crate) fn due(&self, index: u64) -> u64 {
        let first = self.committed - self.due.len() as u64;
        let place = usize::try_from(index - first).unwrap_or(usize::MAX);
        self.due.get(place).copied().unwrap_or_default()
    }

    /// The push was taken; gives back when its events were committed.
    pub(crate) fn taken(&mut self) -> Vec<u64> {
        let Some(Pushing { first, count, parent }) = self.pushing.take() else { return Vec::new() };
        let times = (first.max(self.acked)..first + count).map(|index| self.due(index)).collect();
        self.acked = self.acked.max(first + count);
        self.known_head = self.known_head.max(parent + count);
        let back = self.delivered.saturating_sub(first);
        if back < count && !self.is_blind {
            self.promised.push_back((first + back, count - back, parent + 1 + back));
        }
        self.forget();
        times
    }

    /// The push was refused: the log ends at `head`.
    pub(crate) fn refused(&mut self, head: Option<u64>) {
        self.pushing = None;
        self.known_head = self.known_head.max(head.unwrap_or_default());
    }

    /// The connection is gone, and with it the answer to what is under way.
    pub(crate) fn disconnected(&mut self) {
        self.pushing = None;
        self.forget();
    }

    fn forget(&mut self) {
        let keep = self.committed - self.acked.max(self.delivered);
        while self.due.len() as u64 > keep {
            self.due.pop_front();
        }
    }

    /// An event came; `own` is the index of one of the client's own.
    pub(crate) fn came(&mut self, event: &Event, own: Option<u64>) -> Result<(), Violation> {
        if event.number != self.head + 1 || event.parent != self.head {
            return Err(Violation::Order { expected: self.head + 1, got: event.number });
        }
        self.head = event.number;
        self.chain = crc32c::crc32c_append(self.chain, event.client_id.as_bytes());
        self.chain = crc32c::crc32c_append(self.chain, event.args.as_ref().map_or(b"", |args| args.text().as_bytes()));
        own.map_or(Ok(()), |index| self.own_came(event.number, index))
    }

    fn own_came(&mut self, number: u64, index: u64) -> Result<(), Violation> {
        if index != self.delivered || index >= self.committed {
            return Err(Violation::Own { expected: self.delivered, got: index });
        }
        self.delivered += 1;
        if let Some((first, count, said)) = self.promised.front_mut()
            && *first == index
        {
            if *said != number {
                return Err(Violation::Moved { index, said: *said, got: number });
            }
            (*first, *count, *said) = (*first + 1, *count - 1, *said + 1);
            if *count == 0 {
                self.promised.pop_front();
            }
        }
        if self.pushing.is_none() {
            self.forget();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
