//! A backend that verifies the chain and orders events; and one connection to it.

use super::World;
use std::collections::VecDeque;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::sync::tests) struct Backend {
    pub(super) log: Vec<u8>,
}

/// What is in flight to the backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    Pull { after: u64 },
    Push { first: u64, events: Vec<u8> },
}

/// What is in flight from it. A page is a part of the log, which only grows: its bounds say all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Page { after: u64, to: u64, is_last: bool },
    Pushed,
    Ahead { head: u64 },
    Rejected { number: u64 },
}

/// One connection. Both directions keep their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Wire {
    pub(super) is_open: bool,
    pub(super) requests: VecDeque<Request>,
    pub(super) answers: VecDeque<Answer>,
    /// How far the backend sent its log on this connection; `None` before a pull.
    pub(super) cursor: Option<u64>,
    /// Whether the last page that the leader took was the last there was.
    pub(super) is_caught_up: bool,
}

impl Backend {
    pub(super) fn head(&self) -> u64 {
        self.log.len() as u64
    }

    pub(super) fn serve(&mut self, request: Request, wire: &mut Wire, world: &World) {
        match request {
            Request::Pull { after } => {
                wire.cursor = Some(after);
                self.send_page(wire, world);
            }
            Request::Push { first, events } => {
                let answer = self.push(first, &events, world);
                wire.answers.push_back(answer);
            }
        }
    }

    /// Sends what follows the cursor: at most a page, whole groups where they are kept.
    pub(super) fn send_page(&self, wire: &mut Wire, world: &World) {
        let Some(after) = wire.cursor else { return };
        let mut to = self.head().min(after + world.scope.page as u64);
        while world.scope.keeps_identity && to > after && to < self.head() && !self.ends_group(to, world) {
            to += 1;
        }
        let to = to.max(after);
        wire.cursor = Some(to);
        wire.answers.push_back(Answer::Page { after, to, is_last: to >= self.head() });
    }

    fn ends_group(&self, number: u64, world: &World) -> bool {
        let event = self.log[number as usize - 1];
        world.group_of(event).events.last() == Some(&event)
    }

    /// Whether it has something to say that nobody asked for.
    pub(super) fn has_live_page(&self, wire: &Wire) -> bool {
        let is_page = |answer: &Answer| matches!(answer, Answer::Page { .. });
        wire.cursor.is_some_and(|cursor| cursor < self.head()) && !wire.answers.iter().any(is_page)
    }

    pub(super) fn push(&mut self, first: u64, events: &[u8], world: &World) -> Answer {
        let stored = self.log.iter().skip(first as usize - 1);
        let known = if world.scope.keeps_identity {
            stored.zip(events).take_while(|(stored, event)| stored == event).count()
        } else {
            0
        };
        let new = &events[known..];
        if new.is_empty() {
            return Answer::Pushed;
        }
        if first + known as u64 != self.head() + 1 {
            return Answer::Ahead { head: self.head() };
        }
        if let Some(at) = new.iter().position(|event| world.is_poison(*event)) {
            return Answer::Rejected { number: first + (known + at) as u64 };
        }
        self.log.extend(new);
        Answer::Pushed
    }
}
