//! One client: what it holds, what is pending, and its connection's machine.

use livestore_sync_protocol::{
    BackendId, ClientConnection, ClientInput, ClientOptions, ClientOutput, Event, EventId, Page, RawJson, Refusal,
};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    id: u128,
    text: String,
    rest: u32,
}

pub(crate) struct Client {
    index: usize,
    /// The confirmed log: the texts, and what of it is its own.
    log: Vec<(String, Option<Own>)>,
    backend_id: Option<BackendId>,
    pub(crate) pending: VecDeque<Own>,
    made: u64,
    pub(crate) machine: Option<ClientConnection>,
    in_flight: Vec<u128>,
    /// The head that a refusal told of: it is on its way, and until then there is nothing to push on.
    wait_for: u64,
    has_pulled: bool,
    pub(crate) held_pages: usize,
}

/// What a client's step comes to.
pub(crate) enum Said {
    Send(String),
    /// These are in the log, the server says.
    Accepted(Vec<String>),
    /// Nothing of it was appended, and the server is ahead.
    Ahead,
    Over,
}

impl Client {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            log: Vec::new(),
            backend_id: None,
            pending: VecDeque::new(),
            made: 0,
            machine: None,
            in_flight: Vec::new(),
            wait_for: 0,
            has_pulled: false,
            held_pages: 0,
        }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.log.iter().map(|(text, _)| text.clone()).collect()
    }

    /// Commits a group.
    pub(crate) fn commit(&mut self, events: u32) {
        for rest in (0..events).rev() {
            self.made += 1;
            let id = (self.index as u128 + 1) << 64 | u128::from(self.made);
            self.pending.push_back(Own { id, text: format!("{}.{}", self.index, self.made), rest });
        }
    }

    pub(crate) fn connect(&mut self, now: Duration) -> Vec<Said> {
        self.forget_connection();
        self.machine = Some(ClientConnection::new(ClientOptions::new("s")));
        let mut said = self.step(ClientInput::Open, now);
        said.extend(self.pull(now));
        said
    }

    pub(crate) fn pull(&mut self, now: Duration) -> Vec<Said> {
        let (after, backend_id) = (self.log.len() as u64, self.backend_id.clone());
        self.step(ClientInput::Pull { after, backend_id, live: true }, now)
    }

    pub(crate) fn forget_connection(&mut self) {
        self.machine = None;
        self.in_flight.clear();
        (self.wait_for, self.has_pulled, self.held_pages) = (0, false, 0);
    }

    /// The backend lost events: what it does not hold is pending again, and is told apart by pulling from the beginning.
    pub(crate) fn begin_again(&mut self) {
        self.forget_connection();
        for (_, own) in std::mem::take(&mut self.log).into_iter().rev() {
            own.into_iter().for_each(|own| self.pending.push_front(own));
        }
    }

    /// Pushes whole groups, where it is its turn.
    pub(crate) fn push(&mut self, groups: u64, now: Duration) -> Vec<Said> {
        let head = self.log.len() as u64;
        if self.machine.is_none() || !self.in_flight.is_empty() || !self.has_pulled || head < self.wait_for {
            return Vec::new();
        }
        let mut left = groups;
        let events: Vec<Event> = (head + 1..)
            .zip(&self.pending)
            .take_while(|(_, own)| {
                let takes = left > 0;
                left -= u64::from(takes && own.rest == 0);
                takes
            })
            .map(|(number, own)| self.event(number, own))
            .collect();
        if events.is_empty() {
            return Vec::new();
        }
        self.in_flight = self.pending.iter().take(events.len()).map(|own| own.id).collect();
        let backend_id = self.backend_id.clone();
        self.step(ClientInput::Push { backend_id, events }, now)
    }

    fn event(&self, number: u64, own: &Own) -> Event {
        Event {
            name: "v1.Noted".into(),
            args: Some(RawJson::new(format!("\"{}\"", own.text)).unwrap()),
            number,
            parent: number - 1,
            client_id: format!("client{}", self.index),
            session_id: "session".into(),
            id: Some(EventId(own.id.to_be_bytes())),
            rest: Some(own.rest),
        }
    }

    pub(crate) fn step(&mut self, input: ClientInput<'_>, now: Duration) -> Vec<Said> {
        let Some(machine) = self.machine.as_mut() else { return Vec::new() };
        let outputs = machine.step(input, now);
        let mut said = Vec::new();
        for output in outputs {
            match output {
                ClientOutput::Send(text) => said.push(Said::Send(text)),
                ClientOutput::Connected | ClientOutput::Pong => {}
                ClientOutput::Page(page) => {
                    if !self.page(page) {
                        self.begin_again();
                        said.push(Said::Over);
                        return said;
                    }
                }
                ClientOutput::Pushed => {
                    let ids = std::mem::take(&mut self.in_flight).into_iter();
                    said.push(Said::Accepted(ids.map(|id| EventId(id.to_be_bytes()).to_string()).collect()));
                }
                ClientOutput::PushRefused(Refusal::ServerAhead { head }) => {
                    self.in_flight.clear();
                    self.wait_for = head;
                    said.push(Said::Ahead);
                }
                ClientOutput::PushRefused(Refusal::Busy { .. }) => self.in_flight.clear(),
                ClientOutput::PushRefused(other) => panic!("client {}: {other:?}", self.index),
                ClientOutput::Close(_) => {
                    self.forget_connection();
                    said.push(Said::Over);
                    return said;
                }
            }
        }
        said
    }

    /// Takes a page; `false` when the backend lost events.
    fn page(&mut self, page: Page) -> bool {
        if page.head.is_some_and(|head| head < self.log.len() as u64) {
            return false;
        }
        self.backend_id = Some(page.backend_id);
        self.held_pages += 1;
        self.has_pulled = true;
        for event in page.events {
            assert_eq!(event.number, self.log.len() as u64 + 1, "client {}: pages follow one another", self.index);
            let id = event.id.map(|id| u128::from_be_bytes(id.0));
            let place = self.pending.iter().position(|own| Some(own.id) == id);
            let own = place.and_then(|place| self.pending.remove(place));
            let text = event.args.as_ref().map_or("", |args| args.text()).trim_matches('"').to_owned();
            self.log.push((text, own));
        }
        true
    }
}
