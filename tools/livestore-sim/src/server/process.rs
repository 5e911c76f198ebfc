//! The process of a server, and what ends it.

use super::Said;
use super::storage::{Log, event_of};
use crate::Rng;
use crate::client::STORE;
use livestore::{Fault, SyncError, SyncEvent};
use livestore_server::log::{Input, Output, Owner, Push, Verdict};
use livestore_server::storage::{Appended, Entry, ReadMax, StorageError};
use livestore_sync_protocol::{
    BackendId, Close, Groups, Limits, LogEvent, LogPage, PushKey, PushVerdict, Read, ServerConnection, ServerInput,
    ServerOptions, ServerOutput,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The longest that the storage takes for one thing.
const STORAGE_MAX: u64 = 3_000;
/// The longest that a server takes to come back.
const RESTART_MAX: u64 = 2_000;

type Validator = Box<dyn Fn(&SyncEvent) -> Result<(), String> + Send + Sync>;

pub(super) struct Site {
    rng: Rng,
    now: Duration,
    pub(super) log: Log,
    pub(super) validator: Option<Validator>,
    process: Option<Process>,
    /// Before then nobody is answered.
    starts_at: Duration,
    is_online: bool,
    refusal: Option<String>,
    trouble: VecDeque<Trouble>,
    lines: BTreeMap<u64, Connection>,
    next_key: u64,
}

/// What goes wrong next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The process ends when an append is stored and nobody was told.
    EndAfterStored,
    /// The process ends when an append was asked for and nothing is stored.
    EndBeforeStored,
    Unavailable,
    /// Nobody can say what became of an append; it is stored, or not.
    Unknown {
        is_stored: bool,
    },
    /// A read fails.
    Unreadable,
}

#[derive(Default)]
struct Process {
    owner: Owner,
    requests: VecDeque<(u64, PushKey, Push)>,
    /// The push that the owner is at.
    pushing: Option<(u64, PushKey)>,
    /// What the owner wants of the storage, and when it is done.
    asked: Option<(Duration, Output)>,
    /// How far the log is, for those who follow it; `None` while it is not loaded.
    known: Option<(BackendId, u64)>,
}

/// A connection as the server sees it.
#[derive(Default)]
struct Connection {
    /// From the handshake on.
    machine: Option<ServerConnection>,
    said: VecDeque<Said>,
    /// Frames that are read when the connection is not busy any more.
    unread: VecDeque<String>,
    reads: VecDeque<(Duration, Read)>,
    has_news: bool,
    is_over: bool,
}

impl Connection {
    fn close(&mut self, code: Option<u16>, reason: &str) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.said.push_back(Said::Closed { code, reason: reason.to_owned() });
        }
    }
}

impl Site {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            now: Duration::ZERO,
            log: Log::new(),
            validator: None,
            process: None,
            starts_at: Duration::ZERO,
            is_online: true,
            refusal: None,
            trouble: VecDeque::new(),
            lines: BTreeMap::new(),
            next_key: 0,
        }
    }

    pub(super) fn connect(&mut self) -> u64 {
        let (key, mut line) = (self.next_key, Connection::default());
        self.next_key += 1;
        let refused = match &self.refusal {
            _ if !self.is_online || self.now < self.starts_at => {
                Some(SyncError::Offline { reason: "nobody answers".into() })
            }
            Some(reason) => Some(SyncError::Unauthorized { reason: reason.clone() }),
            None => None,
        };
        if let Some(error) = refused {
            line.is_over = true;
            line.said.push_back(Said::Refused(error));
        } else if self.process.is_none() {
            let mut process = Process::default();
            process.take(Input::Hint, self.now);
            self.process = Some(process);
        }
        self.lines.insert(key, line);
        self.work();
        key
    }

    pub(super) fn hang_up(&mut self, key: u64) {
        self.lines.remove(&key);
    }

    pub(super) fn say(&mut self, key: u64) -> Option<Said> {
        self.lines.get_mut(&key)?.said.pop_front()
    }

    pub(super) fn hear(&mut self, key: u64, frame: &str) {
        let Some(line) = self.lines.get_mut(&key).filter(|line| !line.is_over) else { return };
        line.unread.push_back(frame.to_owned());
        self.work();
    }

    pub(super) fn advance(&mut self, now: Duration) {
        self.now = now.max(self.now);
        let late = |line: &Connection| {
            let deadline = line.machine.as_ref().filter(|_| !line.is_over).and_then(ServerConnection::deadline);
            deadline.is_some_and(|deadline| deadline <= self.now)
        };
        let late: Vec<u64> = self.lines.iter().filter(|(_, line)| late(line)).map(|(key, _)| *key).collect();
        late.into_iter().for_each(|key| self.step(key, ServerInput::Tick));
        self.work();
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        let asked = self.process.as_ref().and_then(|process| process.asked.as_ref()).map(|(due, _)| *due);
        let open = self.lines.values().filter(|line| !line.is_over);
        let lines = open.flat_map(|line| {
            let deadline = line.machine.as_ref().and_then(ServerConnection::deadline);
            [line.reads.front().map(|(due, _)| *due), deadline]
        });
        lines.flatten().chain(asked).min()
    }

    pub(super) fn set_online(&mut self, is_online: bool) {
        self.is_online = is_online;
        if !is_online {
            self.lines.values_mut().for_each(|line| line.close(None, "the network is away"));
        }
    }

    pub(super) fn refuse_auth(&mut self, reason: Option<&str>) {
        self.refusal = reason.map(str::to_owned);
        if let Some(reason) = reason {
            self.close_all(&Close::new(Close::UNAUTHORIZED, reason));
        }
    }

    pub(super) fn inject(&mut self, fault: &Fault) {
        self.trouble.push_back(match fault {
            Fault::LoseAnswer => Trouble::EndAfterStored,
            Fault::LosePush => Trouble::EndBeforeStored,
            Fault::Busy => Trouble::Unavailable,
            Fault::LosePage => Trouble::Unreadable,
            Fault::DuplicatePage => Trouble::Unknown { is_stored: true },
            Fault::GapInPage => Trouble::Unknown { is_stored: false },
            // Nothing of the sort comes from a server; it may end at any time.
            _ => return self.end_process("killed"),
        });
    }

    pub(super) fn clear_faults(&mut self) -> usize {
        std::mem::take(&mut self.trouble).len()
    }

    /// The process ends without a word, and comes back after a while.
    pub(super) fn end_process(&mut self, why: &str) {
        let Some(process) = self.process.take() else { return };
        let is_busy = process.pushing.is_some() || !process.requests.is_empty();
        crate::sometimes!("a server ends with a push under way", is_busy);
        self.starts_at = self.now + Duration::from_millis(self.rng.below(RESTART_MAX));
        for line in self.lines.values_mut().filter(|line| !line.is_over) {
            // What was on its way inside of the machine is lost.
            line.said.clear();
            line.close(None, why);
        }
    }

    fn close_all(&mut self, close: &Close) {
        let keys: Vec<u64> = self.lines.keys().copied().collect();
        for key in keys {
            self.step(key, ServerInput::Close(close.clone()));
            // One that is not through with its handshake.
            if let Some(line) = self.lines.get_mut(&key) {
                line.close(Some(close.code), &close.reason);
            }
        }
    }

    /// Does all that is due.
    fn work(&mut self) {
        while self.work_once() {}
    }

    fn work_once(&mut self) -> bool {
        let keys: Vec<u64> = self.lines.iter().filter(|(_, line)| !line.is_over).map(|(key, _)| *key).collect();
        // Each connection in its turn, whatever the others do.
        let moved = keys.into_iter().filter(|key| self.serve(*key)).count();
        self.own() || moved > 0
    }

    /// One thing that the server does for a connection.
    fn serve(&mut self, key: u64) -> bool {
        let (now, known) = (self.now, self.process.as_ref().and_then(|process| process.known.clone()));
        // Nobody is let in to a store that is not loaded.
        let (Some(line), Some((_, head))) = (self.lines.get_mut(&key), known) else { return false };
        let Some(machine) = &line.machine else {
            line.machine = Some(ServerConnection::new(STORE, ServerOptions::default(), now));
            line.said.push_back(Said::Open);
            return true;
        };
        if std::mem::take(&mut line.has_news) {
            self.step(key, ServerInput::Moved { head });
        } else if line.reads.front().is_some_and(|(due, _)| *due <= now) {
            self.read(key);
        } else if !machine.is_busy()
            && let Some(frame) = line.unread.pop_front()
        {
            self.step(key, ServerInput::Frame(frame.as_bytes()));
        } else {
            return false;
        }
        true
    }

    fn read(&mut self, key: u64) {
        let Some((_, read)) = self.lines.get_mut(&key).and_then(|line| line.reads.pop_front()) else { return };
        let Some((backend_id, head)) = self.process.as_ref().and_then(|process| process.known.clone()) else { return };
        if self.next_trouble(|trouble| trouble == Trouble::Unreadable).is_some() {
            crate::sometimes!("a server cannot read its log");
            return self.step(key, ServerInput::Close(Close::new(Close::INTERNAL, "the log cannot be read now")));
        }
        let max = ReadMax { events: read.events_max, bytes: read.bytes_max };
        let mut entries = self.log.read(read.after, max);
        if read.groups == Groups::Whole && !entries.iter().any(Entry::ends_group) {
            entries = self.log.read(read.after, ReadMax { events: Limits::GROUP_EVENTS, ..max });
        }
        let events: Vec<LogEvent> = entries.into_iter().map(LogEvent::from).collect();
        let head = events.last().map_or(head, |last| last.number.max(head));
        self.step(key, ServerInput::Page(LogPage { key: read.key, backend_id: &backend_id, head, events: &events }));
    }

    fn step(&mut self, key: u64, input: ServerInput<'_>) {
        let now = self.now;
        let Some(line) = self.lines.get_mut(&key).filter(|line| !line.is_over) else { return };
        let outputs = line.machine.as_mut().map_or_else(Vec::new, |machine| machine.step(input, now));
        let mut pushes = Vec::new();
        for output in outputs {
            match output {
                ServerOutput::Send(text) => line.said.push_back(Said::Frame(text)),
                ServerOutput::Read(read) => {
                    let due = now + Duration::from_micros(self.rng.below(STORAGE_MAX) * self.rng.below(2));
                    line.reads.push_back((due, read));
                }
                ServerOutput::Push(push) => pushes.push(push),
                ServerOutput::Close(close) => line.close(Some(close.code), &close.reason),
            }
        }
        pushes.into_iter().for_each(|push| self.admit(key, push));
    }

    /// Asks the validator, then hands the push to the owner.
    fn admit(&mut self, key: u64, push: livestore_sync_protocol::Push) {
        let livestore_sync_protocol::Push { key: push_key, batch, backend_id, .. } = push;
        let rejected = self.validator.as_ref().and_then(|accepts| {
            let refused =
                |event: &livestore_sync_protocol::Event| Some((event.number, accepts(&event_of(event.clone())).err()?));
            batch.iter().find_map(refused)
        });
        if let Some((number, reason)) = rejected {
            let verdict = PushVerdict::Rejected { number, reason };
            return self.step(key, ServerInput::Pushed { key: push_key, verdict });
        }
        if let Some(process) = &mut self.process {
            let push = Push { batch, backend_id, principal: None, at_ms: 7 };
            process.requests.push_back((key, push_key, push));
        }
    }

    fn next_trouble(&mut self, is_of: impl Fn(Trouble) -> bool) -> Option<Trouble> {
        let index = self.trouble.iter().position(|trouble| is_of(*trouble))?;
        self.trouble.remove(index)
    }

    /// One thing that the owner of the log does.
    fn own(&mut self) -> bool {
        let Some(process) = &mut self.process else { return false };
        let input = match process.asked.take() {
            Some((due, output)) if due > self.now => {
                process.asked = Some((due, output));
                return false;
            }
            Some((_, output)) => match self.perform(output) {
                Some(input) => input,
                None => return true,
            },
            None => {
                let Some((key, push_key, push)) = process.requests.pop_front() else { return false };
                process.pushing = Some((key, push_key));
                Input::Push(push)
            }
        };
        let due = self.now + Duration::from_micros(self.rng.below(STORAGE_MAX));
        let Some(process) = &mut self.process else { return true };
        let said = process.take(input, due);
        said.into_iter().for_each(|output| self.tell(output));
        true
    }

    /// What the storage answers; `None` where the process has ended over it.
    fn perform(&mut self, output: Output) -> Option<Input> {
        Some(match output {
            Output::Load => Input::Loaded(Ok(self.log.state())),
            Output::Origins(nonces) => Input::Origins(Ok(self.log.origins(&nonces))),
            Output::Read { after, max } => {
                crate::sometimes!("a server compares a push with its log");
                Input::Read(Ok(self.log.read(after, max)))
            }
            Output::Append(state, entries) => {
                let unknown = || StorageError::Unknown { reason: "simulated".into() };
                match self.next_trouble(|trouble| trouble != Trouble::Unreadable) {
                    Some(Trouble::EndBeforeStored) => {
                        self.end_process("killed");
                        return None;
                    }
                    Some(Trouble::EndAfterStored) => {
                        let appended = self.log.append(&state, &entries);
                        crate::sometimes!("a server ends between storing and answering", appended == Appended::Stored);
                        self.end_process("killed");
                        return None;
                    }
                    Some(Trouble::Unavailable) => {
                        crate::sometimes!("a server cannot store for now");
                        Input::Appended(Err(StorageError::Unavailable { reason: "simulated".into() }))
                    }
                    Some(Trouble::Unknown { is_stored }) => {
                        crate::sometimes!("a server does not know whether it stored");
                        if is_stored {
                            self.log.append(&state, &entries);
                        }
                        Input::Appended(Err(unknown()))
                    }
                    Some(Trouble::Unreadable) | None => Input::Appended(Ok(self.log.append(&state, &entries))),
                }
            }
            Output::Answer(_) | Output::Published(_) | Output::Moved(_) | Output::Restarted(_) => return None,
        })
    }

    fn tell(&mut self, output: Output) {
        match output {
            Output::Answer(verdict) => {
                let pushing = self.process.as_mut().and_then(|process| process.pushing.take());
                let Some((key, push_key)) = pushing else { return };
                match verdict {
                    Verdict::Judged(verdict) => {
                        crate::sometimes!(
                            "a server tells that it is ahead",
                            matches!(verdict, PushVerdict::ServerAhead { .. })
                        );
                        self.step(key, ServerInput::Pushed { key: push_key, verdict });
                    }
                    Verdict::Unknown => {
                        let close = Close::new(Close::INTERNAL, "it is not known whether a push was stored");
                        self.step(key, ServerInput::Close(close));
                    }
                }
            }
            Output::Restarted(_) => self.close_all(&Close::new(Close::GOING_AWAY, "the log began again")),
            Output::Published(_) | Output::Moved(_) => {
                self.lines.values_mut().for_each(|line| line.has_news = true);
            }
            Output::Load | Output::Origins(_) | Output::Read { .. } | Output::Append(..) => {}
        }
    }
}

impl Process {
    /// A step of the owner: what is to be told. What it wants of the storage is done at `due`.
    fn take(&mut self, input: Input, due: Duration) -> Vec<Output> {
        let mut said = Vec::new();
        for output in self.owner.step(input) {
            match output {
                Output::Answer(_) | Output::Published(_) | Output::Moved(_) | Output::Restarted(_) => said.push(output),
                wanted => self.asked = Some((due, wanted)),
            }
        }
        let log = self.owner.log();
        self.known = log.and_then(|log| Some((BackendId::new(&*log.backend_id).ok()?, log.head)));
        said
    }
}
