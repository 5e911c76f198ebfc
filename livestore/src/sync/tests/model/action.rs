//! What can happen next.

use super::backend::{Answer, Request};
use super::client::{Client, WAIT, cut, message};
use super::{Checked, State, World};
use crate::mutant::{self, Mutant};
use crate::sync::UplinkInput;
use std::time::Duration;

/// One step of one part. The number is the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync::tests) enum Action {
    Commit(usize),
    Ingest(usize),
    ReadNews(usize),
    /// The backend takes the next request of a connection.
    Serve(usize),
    /// The leader takes the next answer.
    Hear(usize),
    /// The backend sends what others pushed.
    SendLive(usize),
    /// A push of a connection that is gone arrives.
    ServeLate(usize),
    /// The deadlines of an uplink pass.
    PassTime(usize),
    /// The same, while something is still under way.
    PassTimeEarly(usize),
    /// The connection ends. What is in flight to the client is lost; pushes may arrive late.
    Cut(usize),
    LoseRequest(usize),
    LoseAnswer(usize),
    ServeTwice(usize),
    HearTwice(usize),
    /// The leader ends without a word, and starts again.
    Crash(usize),
}

impl Action {
    pub(super) fn client(self) -> Option<usize> {
        match self {
            Self::ServeLate(_) => None,
            Self::Commit(at)
            | Self::Ingest(at)
            | Self::ReadNews(at)
            | Self::Serve(at)
            | Self::Hear(at)
            | Self::SendLive(at)
            | Self::PassTime(at)
            | Self::PassTimeEarly(at)
            | Self::Cut(at)
            | Self::LoseRequest(at)
            | Self::LoseAnswer(at)
            | Self::ServeTwice(at)
            | Self::HearTwice(at)
            | Self::Crash(at) => Some(at),
        }
    }
}

impl State {
    /// All that can happen, what goes right first.
    pub(in crate::sync::tests) fn actions(&self, world: &World) -> Vec<Action> {
        let mut actions = self.progress(world);
        for (at, client) in self.clients.iter().enumerate() {
            self.faults(at, client, &mut actions);
        }
        actions
    }

    /// As many of them as lead to all that all lead to. A session that commits nothing more, over a leader that does not crash,
    /// reads its news at some time: nothing else depends on when, so it does at once.
    pub(in crate::sync::tests) fn distinct_actions(&self, world: &World) -> Vec<Action> {
        let reads_only = |(at, client): (usize, &std::rc::Rc<Client>)| {
            let is_done = client.committed == world.scripts[at].len() && self.crashes == 0;
            (is_done && !client.news.is_empty()).then_some(at)
        };
        match self.clients.iter().enumerate().find_map(reads_only) {
            Some(at) => vec![Action::ReadNews(at)],
            None => self.actions(world),
        }
    }

    /// What happens without a fault.
    pub(in crate::sync::tests) fn progress(&self, world: &World) -> Vec<Action> {
        let mut actions = Vec::new();
        for (at, client) in self.clients.iter().enumerate() {
            let has_live = self.backend.has_live_page(&client.wire);
            let is_idle = client.wire.requests.is_empty() && client.wire.answers.is_empty() && !has_live;
            let possible = [
                (client.committed < world.scripts[at].len(), Action::Commit(at)),
                (client.ingested < client.committed, Action::Ingest(at)),
                (!client.news.is_empty(), Action::ReadNews(at)),
                (!client.wire.requests.is_empty(), Action::Serve(at)),
                (!client.wire.answers.is_empty(), Action::Hear(at)),
                (has_live, Action::SendLive(at)),
                (is_idle && waits(client) && !self.is_settled(client), Action::PassTime(at)),
            ];
            actions.extend(possible.into_iter().filter_map(|(is_possible, action)| is_possible.then_some(action)));
        }
        actions.extend((0..self.late.len()).map(Action::ServeLate));
        actions
    }

    /// A recheck would find nothing.
    fn is_settled(&self, client: &Client) -> bool {
        client.uplink.is_resting() && client.facts().head == self.backend.head()
    }

    fn faults(&self, at: usize, client: &Client, actions: &mut Vec<Action>) {
        let has_push = matches!(client.wire.requests.front(), Some(Request::Push { .. }));
        let has_page = matches!(client.wire.answers.front(), Some(Answer::Page { .. }));
        let (is_asked, is_answered) = (!client.wire.requests.is_empty(), !client.wire.answers.is_empty());
        let can_drop = self.drops > 0 && client.wire.is_open;
        let possible = [
            (can_drop, Action::Cut(at)),
            (can_drop && is_asked, Action::LoseRequest(at)),
            (can_drop && is_answered, Action::LoseAnswer(at)),
            (can_drop && (is_asked || is_answered) && waits(client), Action::PassTimeEarly(at)),
            (self.duplicates > 0 && has_push, Action::ServeTwice(at)),
            (self.duplicates > 0 && has_page, Action::HearTwice(at)),
            (self.crashes > 0, Action::Crash(at)),
        ];
        actions.extend(possible.into_iter().filter_map(|(is_possible, action)| is_possible.then_some(action)));
    }

    pub(super) fn act(&mut self, action: Action, world: &World) -> Checked<()> {
        match action {
            Action::Commit(at) => self.client(at).commit(at, world),
            Action::Ingest(at) => {
                self.client(at).ingest(at, world)?;
                self.feed(at, UplinkInput::NewPending, Duration::ZERO, world)
            }
            Action::ReadNews(at) => self.client(at).read_news(),
            Action::Serve(at) => {
                let request = self.client(at).wire.requests.pop_front();
                self.serve(at, request, world);
                Ok(())
            }
            Action::Hear(at) => {
                let answer = self.client(at).wire.answers.pop_front();
                self.hear(at, answer, world)
            }
            Action::SendLive(at) => {
                let backend = self.backend.clone();
                backend.send_page(&mut self.client(at).wire, world);
                Ok(())
            }
            Action::ServeLate(at) => {
                if let Request::Push { first, events } = self.late.remove(at) {
                    self.backend.push(first, &events, world);
                }
                Ok(())
            }
            Action::PassTime(at) => self.feed(at, UplinkInput::Tick, WAIT, world),
            fault => self.fail(fault, world),
        }
    }

    fn fail(&mut self, fault: Action, world: &World) -> Checked<()> {
        match fault {
            Action::PassTimeEarly(_) | Action::Cut(_) | Action::LoseRequest(_) | Action::LoseAnswer(_) => {
                self.drops -= 1
            }
            Action::ServeTwice(_) | Action::HearTwice(_) => self.duplicates -= 1,
            _ => self.crashes -= 1,
        }
        match fault {
            Action::PassTimeEarly(at) => self.feed(at, UplinkInput::Tick, WAIT, world),
            Action::Cut(at) => {
                self.delay_pushes(at);
                self.feed(at, cut(), Duration::ZERO, world)
            }
            Action::LoseRequest(at) => {
                self.client(at).wire.requests.pop_front();
                Ok(())
            }
            Action::LoseAnswer(at) => {
                self.client(at).wire.answers.pop_front();
                Ok(())
            }
            Action::ServeTwice(at) => {
                let request = self.client(at).wire.requests.front().cloned();
                self.serve(at, request, world);
                // The answer to the second time is the one that counts.
                let is_known = self.client(at).wire.answers.pop_back().is_some();
                debug_assert!(is_known, "a push is answered");
                Ok(())
            }
            Action::HearTwice(at) => {
                let answer = self.client(at).wire.answers.front().copied();
                self.hear(at, answer, world)
            }
            Action::Crash(at) => {
                self.delay_pushes(at);
                self.client(at).restart(at, world)?;
                // Its uplink connects at once.
                self.feed(at, UplinkInput::Tick, Duration::ZERO, world)
            }
            _ => Ok(()),
        }
    }

    fn serve(&mut self, at: usize, request: Option<Request>, world: &World) {
        let Some(request) = request else { return };
        let mut backend = std::mem::take(&mut self.backend);
        backend.serve(request, &mut self.client(at).wire, world);
        self.backend = backend;
    }

    fn hear(&mut self, at: usize, answer: Option<Answer>, world: &World) -> Checked<()> {
        let Some(answer) = answer else { return Ok(()) };
        if let Answer::Page { is_last, .. } = answer {
            self.client(at).wire.is_caught_up = is_last;
        }
        if matches!(answer, Answer::Ahead { .. }) && mutant::is(Mutant::PushSkipsRefused) {
            self.client(at).refused += 1;
        }
        let message = message(answer, &self.backend, world);
        self.feed(at, UplinkInput::Message(message), Duration::ZERO, world)
    }

    fn feed(&mut self, at: usize, input: UplinkInput, now: Duration, world: &World) -> Checked<()> {
        let backend = std::mem::take(&mut self.backend);
        if now > Duration::ZERO {
            // An uplink that gives its connection up does not know what becomes of its push.
            let client = self.client(at);
            let before = client.wire.requests.clone();
            let done = client.feed(input, now, &backend, world);
            let is_gone = !client.wire.requests.iter().zip(&before).any(|(after, before)| after == before);
            if is_gone {
                self.late.extend(before.into_iter().filter(|request| matches!(request, Request::Push { .. })));
                self.late.sort();
            }
            self.backend = backend;
            return done;
        }
        let done = self.client(at).feed(input, now, &backend, world);
        self.backend = backend;
        done
    }

    fn delay_pushes(&mut self, at: usize) {
        let requests = std::mem::take(&mut self.client(at).wire.requests);
        self.late.extend(requests.into_iter().filter(|request| matches!(request, Request::Push { .. })));
        self.late.sort();
    }
}

/// Whether an uplink waits for a time that will come.
fn waits(client: &Client) -> bool {
    client.uplink.deadline().is_some_and(|deadline| deadline <= WAIT)
}
