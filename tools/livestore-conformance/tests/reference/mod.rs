//! A small backend that keeps its promises, and one switch for each promise that it can break.

use livestore::*;
use livestore_conformance::sync::Door;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// A promise that is broken; the first is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Nothing,
    NoEmptyPage,
    InclusiveCursor,
    WrongInfo,
    NoLive,
    NoEcho,
    NoWake,
    BothPushesWin,
    AheadOnGap,
    SplitsGroups,
    NoRepeat,
    RepeatsWithoutIds,
    SameIdAfterReplacing,
    RefusalLooksOffline,
    SilentAboutUnknownCursor,
    SharesStores,
    ReformatsArgs,
    OnePage,
    SilentPing,
    SmallPushesOnly,
    ForgetsTheCursorOfAReconnect,
    SilentCut,
    OldPullGoesOn,
}

struct State {
    id: u32,
    logs: HashMap<String, Vec<SyncEvent>>,
    door: Door,
    cuts: u64,
    wakers: Vec<Waker>,
}

#[derive(Clone)]
pub(crate) struct Backend {
    state: Arc<Mutex<State>>,
    keeps: bool,
    broken: Break,
}

impl Backend {
    pub(crate) fn new(keeps: bool, broken: Break) -> Self {
        let state = State { id: 1, logs: HashMap::new(), door: Door::Open, cuts: 0, wakers: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), keeps, broken }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, broken: Break) -> bool {
        self.broken == broken
    }

    fn wake_all(&self) {
        let wakers = self.lock().wakers.clone();
        if !self.is(Break::NoWake) {
            wakers.iter().for_each(Waker::wake_by_ref);
        }
    }

    pub(crate) fn disconnect(&self) {
        self.lock().cuts += 1;
        self.wake_all();
    }

    pub(crate) fn set_door(&self, door: Door) {
        self.lock().door = door;
    }

    pub(crate) fn replace(&self) {
        let mut state = self.lock();
        state.id += u32::from(!self.is(Break::SameIdAfterReplacing));
        state.logs.clear();
    }
}

impl SyncProvider for Backend {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let mut state = self.lock();
        let reason = String::from("the door is shut");
        let first = match state.door {
            Door::Open => SyncMessage::Connected,
            Door::Unauthorized if !self.is(Break::RefusalLooksOffline) => {
                SyncMessage::Disconnected(SyncError::Unauthorized { reason })
            }
            Door::Unauthorized | Door::Offline => SyncMessage::Disconnected(SyncError::Offline { reason }),
        };
        state.wakers.push(wake.clone());
        let (cuts, is_over) = (state.cuts, first != SyncMessage::Connected);
        drop(state);
        wake.wake_by_ref();
        let store = if self.is(Break::SharesStores) { String::new() } else { target.store_id.to_string() };
        let out = VecDeque::from([first]);
        Box::new(Connection { backend: self.clone(), wake, store, cuts, out, pull: None, own: Vec::new(), is_over })
    }
}

struct Connection {
    backend: Backend,
    wake: Waker,
    store: String,
    cuts: u64,
    out: VecDeque<SyncMessage>,
    /// The cursor, whether it is live, and whether the first page is due.
    pull: Option<(u64, bool, bool)>,
    own: Vec<u64>,
    is_over: bool,
}

impl Connection {
    fn id(&self) -> BackendId {
        BackendId::new(format!("backend-{}", self.backend.lock().id))
    }

    fn log(&self) -> Vec<SyncEvent> {
        self.backend.lock().logs.get(&self.store).cloned().unwrap_or_default()
    }

    fn push(&mut self, backend_id: Option<&BackendId>, events: &[SyncEvent]) -> SyncMessage {
        let found = self.id();
        if backend_id.is_some_and(|id| *id != found) {
            return SyncMessage::PushRefused(PushRefusal::OtherBackend { found });
        }
        if self.backend.is(Break::SmallPushesOnly) && events.len() > 100 {
            return SyncMessage::PushRefused(PushRefusal::Busy { reason: "too many events".into() });
        }
        let log = self.log();
        let head = log.len() as u64;
        let ahead = SyncMessage::PushRefused(PushRefusal::ServerAhead { head });
        let is_chain =
            events.windows(2).all(|pair| pair[1].number == pair[0].number + 1 && pair[1].parent == pair[0].number);
        if !is_chain && self.backend.is(Break::AheadOnGap) {
            return ahead;
        }
        if !is_chain {
            self.is_over = true;
            return SyncMessage::Disconnected(SyncError::Protocol { reason: "a gap inside a push".into() });
        }
        let is_here = |event: &&SyncEvent| {
            let has_id = event.id.is_some() || self.backend.is(Break::RepeatsWithoutIds);
            let stored = log.get(event.number as usize - 1);
            has_id && stored.is_some_and(|stored| stored.id == event.id)
        };
        let repeated = if self.backend.keeps && !self.backend.is(Break::NoRepeat) {
            events.iter().take_while(is_here).count()
        } else {
            0
        };
        let new = &events[repeated..];
        let Some(first) = new.first() else { return SyncMessage::Pushed };
        if first.parent != head {
            return if self.backend.is(Break::BothPushesWin) { SyncMessage::Pushed } else { ahead };
        }
        if new.iter().any(|event| event.id.is_some() && log.iter().any(|stored| stored.id == event.id)) {
            let (number, reason) = (first.number, "its id is in the log".into());
            return SyncMessage::PushRefused(PushRefusal::Rejected { number, reason });
        }
        self.own.extend(new.iter().map(|event| event.number));
        let stored: Vec<_> = new.iter().cloned().map(|event| self.stored(event)).collect();
        self.backend.lock().logs.entry(self.store.clone()).or_default().extend(stored);
        self.backend.wake_all();
        SyncMessage::Pushed
    }

    fn stored(&self, mut event: SyncEvent) -> SyncEvent {
        if !self.backend.keeps {
            (event.id, event.rest) = (None, None);
        }
        if self.backend.is(Break::ReformatsArgs) {
            event.args = event.args.map(|args| args.replace(' ', "").into());
        }
        event
    }

    fn page(&mut self) -> Option<SyncMessage> {
        let (after, is_live, is_first) = self.pull?;
        let log = self.log();
        let rest = log.get(after as usize..).unwrap_or_default();
        if rest.is_empty() && !is_first {
            return None;
        }
        if rest.is_empty() && self.backend.is(Break::NoEmptyPage)
            || after > log.len() as u64 && self.backend.is(Break::SilentAboutUnknownCursor)
        {
            self.pull = None;
            return None;
        }
        let events = self.cut(rest);
        let left = (rest.len() - events.len()) as u64;
        let last = events.last().map_or(after, |event| event.number);
        self.pull = (left > 0 || is_live && !self.backend.is(Break::NoLive)).then_some((last, is_live, false));
        if self.backend.is(Break::NoEcho) && !is_first && events.iter().all(|event| self.own.contains(&event.number)) {
            return None;
        }
        let more = if self.backend.is(Break::WrongInfo) { left + 1 } else { left };
        let info = if left == 0 { PageInfo::Last } else { PageInfo::More(more) };
        let (backend_id, head) = (self.id(), Some(log.len() as u64));
        Some(SyncMessage::Page(SyncPage { backend_id, keeps_identity: self.backend.keeps, head, events, info }))
    }

    /// As many as a page takes: whole groups where they are kept.
    fn cut(&self, rest: &[SyncEvent]) -> Vec<SyncEvent> {
        let (mut taken, mut bytes, mut end) = (0, 0, 0);
        for event in rest {
            let limit = if self.backend.keeps { 1_000 } else { 100 };
            (taken, bytes) = (taken + 1, bytes + event.bytes());
            let is_full = taken > limit || bytes > 900_000;
            if is_full && end > 0 && !self.backend.is(Break::OnePage) {
                break;
            }
            if event.rest.unwrap_or(0) == 0 || self.backend.is(Break::SplitsGroups) {
                end = taken;
            }
        }
        rest[..end].to_vec()
    }
}

impl SyncConnection for Connection {
    fn send(&mut self, request: SyncRequest) {
        if self.is_over {
            return;
        }
        let answer = match request {
            SyncRequest::Ping if self.backend.is(Break::SilentPing) => None,
            SyncRequest::Ping => Some(SyncMessage::Pong),
            SyncRequest::Push { backend_id, events } => Some(self.push(backend_id.as_ref(), &events)),
            SyncRequest::Pull { after, backend_id, live } => {
                let is_strange = backend_id.is_some_and(|id| id != self.id());
                let after = if is_strange { u64::MAX / 2 } else { after };
                let is_off = self.backend.is(Break::InclusiveCursor)
                    || self.backend.is(Break::ForgetsTheCursorOfAReconnect) && self.backend.lock().cuts > 0;
                let after = if is_off { after.saturating_sub(1) } else { after };
                let old = self.pull.filter(|(_, live, _)| *live && self.backend.is(Break::OldPullGoesOn));
                self.pull = Some((after, live || old.is_some(), true));
                None
            }
        };
        self.out.extend(answer);
        self.wake.wake_by_ref();
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        if let Some(message) = self.out.pop_front() {
            return Some(message);
        }
        if self.is_over {
            return None;
        }
        if self.backend.lock().cuts != self.cuts {
            self.is_over = true;
            let end = SyncMessage::Disconnected(SyncError::Offline { reason: "the connection was cut".into() });
            return (!self.backend.is(Break::SilentCut)).then_some(end);
        }
        self.page()
    }
}
