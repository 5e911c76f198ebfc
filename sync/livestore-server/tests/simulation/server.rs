//! One server process: its owner, and what waits for it.

use crate::storage::{Fault, Log};
use livestore_server::log::{Input, Output, Owner, Push, Pusher, TurnOptions, Turns, Verdict};
use livestore_sync_protocol::{PushKey, Read};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What the owner of a store is asked for.
pub(crate) enum Request {
    Push(usize, PushKey, Push),
    Look,
    /// A read that waits until the log was looked at.
    LookFor(usize, Read),
    /// The connection is gone.
    Gone(usize),
}

/// A push, and its place among those of its connection.
type Waiting = (usize, PushKey, Push, u64);

pub(crate) struct Server {
    owner: Owner,
    requests: VecDeque<Request>,
    turns: Turns<Waiting>,
    /// How many pushes of each connection came, and how many were looked at.
    came: BTreeMap<usize, (u64, u64)>,
    /// The push under way.
    pushing: Option<(usize, PushKey)>,
    looking_for: Option<(usize, Read)>,
    /// What the owner wants of the storage.
    asked: Option<Output>,
    /// How far the log is, for those who follow it; `None` while it was never loaded.
    pub(crate) head: Option<u64>,
    pub(crate) restarts: u64,
}

/// What a step of the server comes to, for its connections.
pub(crate) enum Said {
    Verdict(usize, PushKey, Verdict),
    Read(usize, Read),
    Moved,
    Restarted,
    /// A connection was given a turn.
    Turn,
}

impl Server {
    pub(crate) fn new() -> Self {
        let mut server = Self {
            owner: Owner::default(),
            requests: VecDeque::new(),
            turns: Turns::new(TurnOptions { held_max: 3, ..TurnOptions::default() }),
            came: BTreeMap::new(),
            pushing: None,
            looking_for: None,
            asked: None,
            head: None,
            restarts: 0,
        };
        server.requests.push_back(Request::Look);
        server
    }

    pub(crate) fn ask(&mut self, request: Request) {
        self.requests.push_back(request);
    }

    pub(crate) fn has_work(&self) -> bool {
        self.asked.is_some() || !self.requests.is_empty()
    }

    /// Whether somebody has a turn, while others wait.
    pub(crate) fn holds_back(&self) -> bool {
        self.turns.deadline().is_some()
    }

    /// The push whose turn it is.
    fn next_push(&mut self, now: Duration) -> Option<Input> {
        let (connection, key, push, place) = self.turns.next(now)?;
        let (_, looked_at) = self.came.get_mut(&connection).expect("it came");
        assert_eq!(place, *looked_at, "pushes of one connection keep their order");
        *looked_at += 1;
        self.pushing = Some((connection, key));
        Some(Input::Push(push))
    }

    /// The next thing that the owner is to do.
    fn next(&mut self, now: Duration) -> Option<Input> {
        if let Some(push) = self.next_push(now) {
            return Some(push);
        }
        match self.requests.pop_front()? {
            Request::Push(connection, key, push) => {
                let (came, _) = self.came.entry(connection).or_default();
                self.turns.push(Some(Pusher(connection as u64)), (connection, key, push, *came));
                *came += 1;
                self.next_push(now)
            }
            Request::Look => Some(Input::Hint),
            Request::LookFor(connection, read) => {
                self.looking_for = Some((connection, read));
                Some(Input::Hint)
            }
            Request::Gone(connection) => {
                self.turns.gone(Pusher(connection as u64), now);
                None
            }
        }
    }

    /// Does one thing: asks the storage, or begins with the next request.
    pub(crate) fn work(&mut self, log: &mut Log, fault: Fault, now: Duration) -> Vec<Said> {
        let input = match self.asked.take() {
            Some(Output::Load) if fault == Fault::Unavailable => {
                Input::Loaded(log.append(&log.state(), &[], fault).map(|_| log.state()))
            }
            Some(Output::Load) => Input::Loaded(Ok(log.state())),
            Some(Output::Append(state, entries)) => Input::Appended(log.append(&state, &entries, fault)),
            Some(Output::Origins(nonces)) => Input::Origins(Ok(log.origins(&nonces))),
            Some(Output::Read { after, max }) => Input::Read(Ok(log.read(after, max))),
            _ => match self.next(now) {
                Some(input) => input,
                None => return Vec::new(),
            },
        };
        let mut said = Vec::new();
        for output in self.owner.step(input) {
            match output {
                Output::Answer(verdict) => {
                    let (connection, key) = self.pushing.take().expect("one push, one verdict");
                    let had_turn = self.turns.turn();
                    self.turns.judged(&verdict, now);
                    if self.turns.turn().is_some() && had_turn.is_none() {
                        said.push(Said::Turn);
                    }
                    said.push(Said::Verdict(connection, key, verdict));
                }
                Output::Published(entries) => {
                    self.head = entries.last().map(|last| last.number);
                    said.push(Said::Moved);
                }
                Output::Moved(head) => {
                    self.head = Some(head);
                    said.push(Said::Moved);
                }
                Output::Restarted(state) => {
                    self.head = Some(state.head);
                    self.restarts += 1;
                    said.push(Said::Restarted);
                }
                asked => assert!(self.asked.replace(asked).is_none(), "one thing after the other"),
            }
        }
        if self.owner.is_idle() {
            assert!(self.pushing.is_none(), "no answer is missing");
            said.extend(self.looking_for.take().map(|(connection, read)| Said::Read(connection, read)));
        }
        said
    }
}
