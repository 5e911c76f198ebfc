//! One connection to the backend: its answers, and the cursor of its pull.

use super::log::{Log, Refused};
use super::{Fault, Kind, MemoryBackend, PAGE_EVENTS_MAX, Shared, Validator};
use crate::sync::{
    BackendId, PageInfo, PushRefusal, SyncConnection, SyncError, SyncEvent, SyncMessage, SyncPage, SyncRequest,
    SyncTarget,
};
use std::collections::VecDeque;
use std::task::Waker;

/// What the backend knows of a connection.
pub(super) struct Link {
    pub(super) store: String,
    pub(super) client: String,
    pub(super) waker: Waker,
    pub(super) phase: Phase,
    /// Answers that were not taken yet.
    outbox: VecDeque<SyncMessage>,
    pull: Option<Pull>,
}

pub(super) enum Phase {
    Open,
    /// Over; the store did not hear it yet.
    Ending(SyncError),
    Ended,
}

/// A pull reads the log after its cursor whenever a message is asked for: it holds no events.
#[derive(Clone, Copy)]
struct Pull {
    after: u64,
    live: bool,
    /// Whether no page was sent yet: the first comes even where it is empty.
    is_first: bool,
    /// Whether this pull is of another backend's log, and gets no events.
    is_strange: bool,
}

impl Link {
    pub(super) fn new(target: &SyncTarget, waker: Waker, refused: Option<SyncError>) -> Self {
        let phase = refused.map_or(Phase::Open, Phase::Ending);
        let outbox =
            if matches!(phase, Phase::Open) { VecDeque::from([SyncMessage::Connected]) } else { VecDeque::new() };
        let (store, client) = (target.store_id.to_string(), target.client_id.to_string());
        Self { store, client, waker, phase, outbox, pull: None }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Cuts the connection: what was not taken is lost.
    pub(super) fn end(&mut self, error: SyncError) {
        if self.is_open() {
            self.phase = Phase::Ending(error);
            self.outbox.clear();
        }
    }

    fn deliver(&mut self, mut page: SyncPage, fault: Option<&Fault>) {
        let Some(fault) = fault else { return self.outbox.push_back(SyncMessage::Page(page)) };
        fault.distort(&mut page);
        match fault {
            Fault::LosePage => {}
            Fault::DuplicatePage => self.outbox.extend([page.clone(), page].map(SyncMessage::Page)),
            Fault::CutAfter { .. } => {
                if !page.events.is_empty() {
                    self.outbox.push_back(SyncMessage::Page(page));
                }
                self.phase = Phase::Ending(cut_by_fault());
            }
            _ => self.outbox.push_back(SyncMessage::Page(page)),
        }
    }

    /// Whether an append to the store's log is news here.
    pub(super) fn follows(&self, store: &str) -> bool {
        self.is_open() && self.store == store && self.pull.is_some()
    }
}

pub(super) struct MemoryConnection {
    backend: MemoryBackend,
    key: u64,
}

impl MemoryConnection {
    pub(super) fn new(backend: MemoryBackend, key: u64) -> Self {
        Self { backend, key }
    }

    fn answer(&self, message: SyncMessage) {
        self.backend.change(|shared| shared.answer(self.key, message));
    }

    fn push(&self, backend_id: Option<&BackendId>, events: Vec<SyncEvent>) {
        let Some(validator) = self.backend.change(|shared| shared.push_arrives(self.key, &events)) else { return };
        // The hook is the application's: no lock is held while it runs.
        let verdict = validator.and_then(|(validator, stored)| first_refused(&validator, events.get(stored..)?));
        self.backend.change(|shared| shared.push(self.key, backend_id, events, verdict));
    }
}

fn first_refused(validator: &Validator, events: &[SyncEvent]) -> Option<PushRefusal> {
    events.iter().find_map(|event| {
        let reason = validator(event).err()?;
        Some(PushRefusal::Rejected { number: event.number, reason })
    })
}

impl SyncConnection for MemoryConnection {
    fn send(&mut self, request: SyncRequest) {
        match request {
            SyncRequest::Pull { after, backend_id, live } => {
                self.backend.change(|shared| shared.pull(self.key, after, backend_id.as_ref(), live));
            }
            SyncRequest::Push { backend_id, events } => self.push(backend_id.as_ref(), events),
            SyncRequest::Ping => self.answer(SyncMessage::Pong),
        }
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        self.backend.change(|shared| shared.receive(self.key))
    }
}

impl Drop for MemoryConnection {
    fn drop(&mut self) {
        let ended = self.backend.change(|shared| shared.links.remove(&self.key));
        // Its waker may run foreign code as it goes: not under the lock.
        drop(ended);
    }
}

impl Shared {
    fn open_link(&mut self, key: u64) -> Option<&mut Link> {
        self.links.get_mut(&key).filter(|link| link.is_open())
    }

    fn answer(&mut self, key: u64, message: SyncMessage) {
        let Some(link) = self.open_link(key) else { return };
        link.outbox.push_back(message);
        let waker = link.waker.clone();
        self.woken.push(waker);
    }

    pub(super) fn cut(&mut self, key: u64, error: SyncError) {
        let Some(link) = self.open_link(key) else { return };
        link.end(error);
        let waker = link.waker.clone();
        self.woken.push(waker);
    }

    fn pull(&mut self, key: u64, after: u64, backend_id: Option<&BackendId>, live: bool) {
        let is_strange = backend_id.is_some_and(|known| *known != self.id);
        let Some(link) = self.open_link(key) else { return };
        link.pull = Some(Pull { after, live, is_first: true, is_strange });
        let waker = link.waker.clone();
        self.pulls += 1;
        self.woken.push(waker);
    }

    /// The first half of a push: what there is to ask the validator; `None` where the push ends here.
    #[allow(clippy::option_option)]
    fn push_arrives(&mut self, key: u64, events: &[SyncEvent]) -> Option<Option<(Validator, usize)>> {
        let store = self.open_link(key)?.store.clone();
        self.pushes += 1;
        let stored = self.logs.get(&store).map_or(0, |log| log.stored(events));
        Some(self.validator.clone().map(|validator| (validator, stored)))
    }

    fn push(&mut self, key: u64, backend_id: Option<&BackendId>, events: Vec<SyncEvent>, verdict: Option<PushRefusal>) {
        let Some(link) = self.open_link(key) else { return };
        let (store, client) = (link.store.clone(), link.client.clone());
        let fault = self.next_fault(&client, Fault::is_of_pushes);
        if fault == Some(Fault::LosePush) {
            self.set_aside(&events);
            return self.cut(key, cut_by_fault());
        }
        // What is here already was accepted, and what does not follow is not looked at: only what would be appended is rejected.
        let judged = match &fault {
            Some(Fault::Busy) => Err(Refused::Push(PushRefusal::Busy { reason: "injected".into() })),
            _ => self.judge(&store, backend_id, &events).and_then(|stored| {
                let new = events.get(stored..).unwrap_or_default();
                let refused = fault.as_ref().and_then(|fault| rejected_by(fault, new)).or(verdict);
                refused.map_or(Ok(stored), |refusal| Err(Refused::Push(refusal)))
            }),
        };
        let answer = match judged {
            Ok(stored) => {
                self.take(&store, stored, events);
                SyncMessage::Pushed
            }
            Err(Refused::Push(refusal)) => {
                self.set_aside(&events);
                SyncMessage::PushRefused(refusal)
            }
            Err(Refused::Protocol(reason)) => {
                self.set_aside(&events);
                return self.cut(key, SyncError::Protocol { reason });
            }
        };
        match fault {
            Some(Fault::LoseAnswer) => self.cut(key, cut_by_fault()),
            _ => self.answer(key, answer),
        }
    }

    fn judge(&self, store: &str, known: Option<&BackendId>, events: &[SyncEvent]) -> Result<usize, Refused> {
        if known.is_some_and(|known| *known != self.id) {
            return Err(Refused::Push(PushRefusal::OtherBackend { found: self.id.clone() }));
        }
        match self.logs.get(store) {
            Some(log) => log.admit(self.kind, events),
            None => Log::default().admit(self.kind, events),
        }
    }

    /// Appends the part of a push that is new, and notes the wakers of those who follow.
    pub(super) fn take(&mut self, store: &str, stored: usize, mut events: Vec<SyncEvent>) {
        let new = events.split_off(stored.min(events.len()));
        self.set_aside(&events);
        if new.is_empty() {
            return;
        }
        self.logs.entry(store.to_owned()).or_default().append(self.kind, new);
        let followers = self.links.values().filter(|link| link.follows(store));
        self.woken.extend(followers.map(|link| link.waker.clone()));
    }

    fn receive(&mut self, key: u64) -> Option<SyncMessage> {
        if self.is_held {
            return None;
        }
        loop {
            let link = self.links.get_mut(&key)?;
            if let Some(message) = link.outbox.pop_front() {
                return Some(message);
            }
            match std::mem::replace(&mut link.phase, Phase::Ended) {
                Phase::Open => link.phase = Phase::Open,
                Phase::Ending(error) => return Some(SyncMessage::Disconnected(error)),
                Phase::Ended => return None,
            }
            // A lost page leaves nothing to tell: the next one, then.
            self.read_page(key)?;
        }
    }

    /// Puts the next page of the connection's pull into its outbox; `None` where there is none.
    fn read_page(&mut self, key: u64) -> Option<()> {
        let link = self.links.get(&key)?;
        let (mut pull, store, client) = (link.pull?, link.store.clone(), link.client.clone());
        let head = self.logs.entry(store.clone()).or_default().head();
        // A pull after the log's end, or of another log, gets its one page and no more: what came would not follow.
        let is_off = pull.is_strange || pull.after > head;
        let has_events = !is_off && pull.after < head;
        if !has_events && !pull.is_first {
            return None;
        }
        let fault = if has_events { self.next_fault(&client, |fault| !fault.is_of_pushes()) } else { None };
        let log = self.logs.get(&store)?;
        let mut events = if has_events { events_of(log, pull.after, fault.as_ref()) } else { Vec::new() };
        if self.kind == Kind::LikeTheOriginal && pull.is_first {
            events.iter_mut().for_each(|event| event.args = event.args.take().or_else(|| Some("null".into())));
        }
        pull.is_first = false;
        pull.after = events.last().map_or(pull.after, |last| last.number);
        let info = if is_off { PageInfo::Last } else { log.info(pull.after) };
        let keeps_identity = self.kind == Kind::KeepsIdentity;
        let page = SyncPage { backend_id: self.id.clone(), keeps_identity, events, info, head: Some(head) };
        let is_over = is_off || (!pull.live && info == PageInfo::Last);
        let link = self.links.get_mut(&key)?;
        link.pull = (!is_over).then_some(pull);
        link.deliver(page, fault.as_ref());
        Some(())
    }
}

/// The events of the next page, as far as a fault decides which they are.
fn events_of(log: &Log, after: u64, fault: Option<&Fault>) -> Vec<SyncEvent> {
    match fault {
        Some(Fault::CutAfter { events: 0 }) => Vec::new(),
        Some(Fault::CutAfter { events }) => log.page(after, *events).to_vec(),
        Some(Fault::OverlapPage { events }) => {
            let start = after.saturating_sub(*events);
            let earlier = log.after(start).iter().take_while(|event| event.number <= after);
            earlier.chain(log.page(after, PAGE_EVENTS_MAX)).cloned().collect()
        }
        _ => log.page(after, PAGE_EVENTS_MAX).to_vec(),
    }
}

fn cut_by_fault() -> SyncError {
    SyncError::Offline { reason: "the connection was cut".into() }
}

/// How a fault rejects the new events of a push.
fn rejected_by(fault: &Fault, new: &[SyncEvent]) -> Option<PushRefusal> {
    let Fault::Reject { index, reason } = fault else { return None };
    let event = new.get(*index).or(new.last())?;
    Some(PushRefusal::Rejected { number: event.number, reason: reason.clone() })
}
