//! A network in virtual time between clients and their backend.

use crate::Rng;
use livestore::{MemoryBackend, SyncConnection, SyncError, SyncMessage, SyncProvider, SyncRequest, SyncTarget};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// Messages that a connection holds before it reads on.
const HELD_MAX: usize = 4;
/// More connections than any client needs in one moment.
const CONNECTS_MAX: u32 = 50;

/// How the network treats messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkPlan {
    /// The longest way of one message.
    pub latency_max: Duration,
    /// One message in so many is dropped, and its connection cut with it; 0 for none.
    pub drop_one_in: u64,
    /// One page in so many comes twice; 0 for none.
    pub duplicate_one_in: u64,
}

/// A simulated network. Every message is encoded and decoded, takes its time, and may be lost together with its connection. Messages
/// of one connection keep their order, as over TCP.
#[derive(Clone)]
pub struct SimNetwork(Arc<Mutex<Net>>);

struct Net {
    backend: MemoryBackend,
    plan: NetworkPlan,
    rng: Rng,
    now: Duration,
    next_key: u64,
    links: Vec<Link>,
    /// The clients whose messages stand still.
    still: Vec<usize>,
    trace: u64,
    frames: u64,
    secret: Option<String>,
    leak: Option<String>,
    /// Who connected last, when, and how often in that moment.
    connects: (usize, Duration, u32),
    rush: Option<usize>,
}

struct Link {
    key: u64,
    client: usize,
    inner: Option<Box<dyn SyncConnection>>,
    up: VecDeque<(Duration, String)>,
    down: VecDeque<(Duration, String)>,
    last_up: Duration,
    last_down: Duration,
    is_cut: bool,
    waker: Waker,
}

impl SimNetwork {
    /// A network to this backend. All chance comes from the seed.
    #[must_use]
    pub fn new(backend: MemoryBackend, plan: NetworkPlan, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Net {
            backend,
            plan,
            rng: Rng::new(seed),
            now: Duration::ZERO,
            next_key: 0,
            links: Vec::new(),
            still: Vec::new(),
            trace: 0xcbf2_9ce4_8422_2325,
            frames: 0,
            secret: None,
            leak: None,
            connects: (0, Duration::ZERO, 0),
            rush: None,
        })))
    }

    /// The provider that a client opens its store with. Clients are told apart by their index.
    #[must_use]
    pub fn provider(&self, client: usize) -> impl SyncProvider + use<> {
        Provider { network: self.clone(), client }
    }

    /// Delivers what is due by now.
    pub fn advance(&self, now: Duration) {
        let woken = self.lock().advance(now);
        woken.iter().for_each(Waker::wake_by_ref);
    }

    /// When the next message arrives, if one is on its way.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let net = self.lock();
        let moving = net.links.iter().filter(|link| !net.still.contains(&link.client));
        // What has arrived already and is not taken waits for its client, not for the network.
        let is_news = |due: &Duration| *due > net.now;
        let fronts = moving.flat_map(|link| {
            let down = link.down.front().map(|(due, _)| *due).filter(is_news);
            [link.up.front().map(|(due, _)| *due), down]
        });
        fronts.flatten().min()
    }

    /// Cuts the connections of a client, with what is on its way.
    pub fn cut(&self, client: usize) {
        let mut net = self.lock();
        let now = net.now;
        net.links.iter_mut().filter(|link| link.client == client).for_each(|link| link.cut(now));
    }

    /// Lets the messages of a client stand still, or move on; nobody is told.
    pub fn hold(&self, client: usize, is_held: bool) {
        let mut net = self.lock();
        net.still.retain(|still| *still != client);
        if is_held {
            net.still.push(client);
        }
    }

    /// From now on every message goes through as it should.
    pub fn heal(&self) {
        let mut net = self.lock();
        net.still.clear();
        net.plan = NetworkPlan { latency_max: net.plan.latency_max, ..NetworkPlan::default() };
    }

    /// What no frame may contain, see [`leak`](Self::leak).
    pub fn guard(&self, secret: &str) {
        self.lock().secret = Some(secret.to_owned());
    }

    /// The first frame towards the backend that contained what was guarded.
    #[must_use]
    pub fn leak(&self) -> Option<String> {
        self.lock().leak.clone()
    }

    /// A client that connects again and again without a pause.
    #[must_use]
    pub fn rush(&self) -> Option<usize> {
        self.lock().rush
    }

    /// A hash over all frames and the times at which they arrived, and their number.
    #[must_use]
    pub fn trace(&self) -> (u64, u64) {
        let net = self.lock();
        (net.trace, net.frames)
    }

    fn lock(&self) -> MutexGuard<'_, Net> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Net {
    fn latency(&mut self) -> Duration {
        Duration::from_micros(self.rng.below(self.plan.latency_max.as_micros() as u64 + 1))
    }

    fn chance(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.rng.one_in(one_in)
    }

    fn note(&mut self, key: u64, way: &str, frame: &str) {
        self.frames += 1;
        if std::env::var_os("SIM_TRACE").is_some() {
            eprintln_trace(self.now, key, way, frame);
        }
        self.trace = crate::hash(self.trace, &format!("{:?} {key} {way} {frame}", self.now));
    }

    /// Whether a client may connect: one that never waits would turn for ever in one moment.
    fn may_connect(&mut self, client: usize) -> bool {
        let now = self.now;
        let (last, at, count) = &mut self.connects;
        *count = if (*last, *at) == (client, now) { *count + 1 } else { 1 };
        (*last, *at) = (client, now);
        let is_rush = *count > CONNECTS_MAX;
        if is_rush {
            self.rush = Some(client);
        }
        !is_rush
    }

    fn find(&mut self, key: u64) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.key == key)
    }

    fn advance(&mut self, now: Duration) -> Vec<Waker> {
        self.now = now.max(self.now);
        while let Some((key, frame)) = self.next_request() {
            self.note(key, ">", &frame);
            let request: SyncRequest = decode(&frame);
            if let Some(inner) = self.find(key).and_then(|link| link.inner.as_mut()) {
                inner.send(request);
            }
            self.read_on();
        }
        self.read_on();
        // Those that stand still have nothing to take: woken, they would turn and turn.
        let moving = self.links.iter().filter(|link| !self.still.contains(&link.client));
        let due = moving.filter(|link| link.down.front().is_some_and(|(due, _)| *due <= self.now));
        due.map(|link| link.waker.clone()).collect()
    }

    /// The first request that has arrived.
    fn next_request(&mut self) -> Option<(u64, String)> {
        let (now, still) = (self.now, self.still.clone());
        let arrived = self.links.iter_mut().filter(|link| !still.contains(&link.client));
        let arrived = arrived.filter(|link| link.up.front().is_some_and(|(due, _)| *due <= now));
        let link = arrived.min_by_key(|link| (link.up.front().map(|(due, _)| *due), link.key))?;
        let (_, frame) = link.up.pop_front()?;
        Some((link.key, frame))
    }

    /// Takes what the backend has to say on its way.
    fn read_on(&mut self) {
        let keys: Vec<u64> = self.links.iter().map(|link| link.key).collect();
        for key in keys {
            while let Some(message) = self.find(key).and_then(Link::read) {
                self.send_down(key, &message);
            }
        }
    }

    fn send_down(&mut self, key: u64, message: &SyncMessage) {
        let latency = self.latency();
        let (is_dropped, now) = (self.chance(self.plan.drop_one_in), self.now);
        let is_page = matches!(message, SyncMessage::Page(_));
        let is_twice = is_page && self.chance(self.plan.duplicate_one_in);
        let frame = encode(message);
        let Some(link) = self.find(key) else { return };
        if is_dropped {
            crate::sometimes!("an answer is dropped");
            link.cut(now);
            return;
        }
        link.last_down = link.last_down.max(now + latency);
        for _ in 0..=usize::from(is_twice) {
            link.down.push_back((link.last_down, frame.clone()));
        }
        crate::sometimes!("a page comes twice", is_twice);
    }

    fn send_up(&mut self, key: u64, request: &SyncRequest) {
        let frame = encode(request);
        if self.secret.as_ref().is_some_and(|secret| frame.contains(secret)) {
            self.leak.get_or_insert_with(|| frame.clone());
        }
        let latency = self.latency();
        let (is_dropped, now) = (self.chance(self.plan.drop_one_in), self.now);
        let Some(link) = self.find(key).filter(|link| !link.is_cut) else { return };
        if is_dropped {
            crate::sometimes!("a request is dropped");
            link.cut(now);
            return;
        }
        link.last_up = link.last_up.max(now + latency);
        link.up.push_back((link.last_up, frame));
    }

    fn receive(&mut self, key: u64) -> Option<SyncMessage> {
        let (now, still) = (self.now, self.still.clone());
        let link = self.find(key).filter(|link| !still.contains(&link.client))?;
        let (due, frame) = link.down.pop_front()?;
        if due > now {
            link.down.push_front((due, frame));
            return None;
        }
        self.note(key, "<", &frame);
        Some(decode(&frame))
    }
}

impl Link {
    fn read(&mut self) -> Option<SyncMessage> {
        if self.down.len() >= HELD_MAX {
            return None;
        }
        self.inner.as_mut()?.receive()
    }

    fn cut(&mut self, now: Duration) {
        if self.is_cut {
            return;
        }
        self.is_cut = true;
        self.inner = None;
        self.up.clear();
        self.down.clear();
        let error = SyncError::Offline { reason: "the connection was cut".into() };
        self.down.push_back((now, encode(&SyncMessage::Disconnected(error))));
    }
}

struct Provider {
    network: SimNetwork,
    client: usize,
}

struct Connection {
    network: SimNetwork,
    key: u64,
}

impl SyncProvider for Provider {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let mut net = self.network.lock();
        let (key, now) = (net.next_key, net.now);
        net.next_key += 1;
        if !net.may_connect(self.client) {
            return Box::new(Connection { network: self.network.clone(), key }); // Nothing ever comes over it.
        }
        let inner = net.backend.connect(target, Waker::noop().clone());
        let (up, down) = (VecDeque::new(), VecDeque::new());
        let (client, is_cut) = (self.client, false);
        let inner = Some(inner);
        net.links.push(Link { key, client, inner, up, down, last_up: now, last_down: now, is_cut, waker: wake });
        net.read_on();
        Box::new(Connection { network: self.network.clone(), key })
    }
}

impl SyncConnection for Connection {
    fn send(&mut self, request: SyncRequest) {
        self.network.lock().send_up(self.key, &request);
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        self.network.lock().receive(self.key)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let gone = {
            let mut net = self.network.lock();
            let index = net.links.iter().position(|link| link.key == self.key);
            index.map(|index| net.links.remove(index))
        };
        drop(gone);
    }
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNetwork").field("frames", &self.lock().frames).finish_non_exhaustive()
    }
}

#[allow(clippy::print_stderr)] // Asked for, by somebody who looks for a fault.
fn eprintln_trace(now: Duration, key: u64, way: &str, frame: &str) {
    eprintln!("{now:?} {key} {way} {frame}");
}

fn encode(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("a message encodes")
}

fn decode<T: DeserializeOwned>(frame: &str) -> T {
    serde_json::from_str(frame).expect("what was encoded decodes")
}
