//! A network in virtual time between clients and their backend.

use crate::Rng;
use crate::backend::Backend;
#[cfg(feature = "server")]
use crate::server;
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
    backend: Backend,
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
    far: Option<Far>,
    up: VecDeque<(Duration, String)>,
    down: VecDeque<(Duration, Down)>,
    last_up: Duration,
    last_down: Duration,
    is_cut: bool,
    /// When the client's end wants to be looked after.
    near_due: Option<Duration>,
    waker: Waker,
}

/// The backend's end of a connection.
pub(crate) enum Far {
    Memory(Box<dyn SyncConnection>),
    #[cfg(feature = "server")]
    Server(server::Line),
}

/// What is on its way to a client.
#[derive(Clone)]
enum Down {
    Message(String),
    #[cfg(feature = "server")]
    Said(server::Said),
    Cut,
}

impl Far {
    fn hear(&mut self, frame: &str) {
        match self {
            Self::Memory(inner) => inner.send(decode(frame)),
            #[cfg(feature = "server")]
            Self::Server(line) => line.hear(frame),
        }
    }

    /// What it has to say, and whether a network may deliver it twice: one that is over TCP may not.
    fn say(&mut self) -> Option<(Down, bool)> {
        match self {
            Self::Memory(inner) => {
                let message = inner.receive()?;
                Some((Down::Message(encode(&message)), matches!(message, SyncMessage::Page(_))))
            }
            #[cfg(feature = "server")]
            Self::Server(line) => Some((Down::Said(line.say()?), false)),
        }
    }
}

impl Down {
    fn text(&self) -> String {
        match self {
            Self::Message(text) => text.clone(),
            #[cfg(feature = "server")]
            Self::Said(server::Said::Frame(text)) => text.clone(),
            #[cfg(feature = "server")]
            Self::Said(other) => format!("{other:?}"),
            Self::Cut => "cut".into(),
        }
    }

    fn message(&self) -> SyncMessage {
        match self {
            Self::Message(text) => decode(text),
            _ => SyncMessage::Disconnected(SyncError::Offline { reason: CUT.into() }),
        }
    }
}

const CUT: &str = "the connection was cut";

impl SimNetwork {
    /// A network to this backend. All chance comes from the seed.
    #[must_use]
    pub fn new(backend: MemoryBackend, plan: NetworkPlan, seed: u64) -> Self {
        Self::over(Backend::Memory(backend), plan, seed)
    }

    pub(crate) fn over(backend: Backend, plan: NetworkPlan, seed: u64) -> Self {
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
        let near = net.links.iter().filter_map(|link| link.near_due);
        let far = net.backend.next_due();
        // What is late waits for a client that sleeps.
        fronts.flatten().chain(near.chain(far).filter(is_news)).min()
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

    #[cfg(feature = "server")]
    fn look_after(&mut self, key: u64, due: Option<Duration>) {
        if let Some(link) = self.find(key) {
            link.near_due = due;
        }
    }

    fn find(&mut self, key: u64) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.key == key)
    }

    fn advance(&mut self, now: Duration) -> Vec<Waker> {
        self.now = now.max(self.now);
        while let Some((key, frame)) = self.next_request() {
            self.note(key, ">", &frame);
            if let Some(far) = self.find(key).and_then(|link| link.far.as_mut()) {
                far.hear(&frame);
            }
            self.read_on();
        }
        self.backend.advance(self.now);
        self.read_on();
        // Those that stand still have nothing to take: woken, they would turn and turn.
        let moving = self.links.iter().filter(|link| !self.still.contains(&link.client));
        let due = moving.filter(|link| link.down.front().is_some_and(|(due, _)| *due <= self.now));
        // Time passes for them too.
        let late = self.links.iter().filter(|link| link.near_due.is_some_and(|due| due <= self.now));
        due.chain(late).map(|link| link.waker.clone()).collect()
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
            while let Some((said, may_come_twice)) = self.find(key).and_then(Link::read) {
                self.send_down(key, &said, may_come_twice);
            }
        }
    }

    fn send_down(&mut self, key: u64, said: &Down, may_come_twice: bool) {
        let latency = self.latency();
        let (is_dropped, now) = (self.chance(self.plan.drop_one_in), self.now);
        let is_twice = may_come_twice && self.chance(self.plan.duplicate_one_in);
        let Some(link) = self.find(key) else { return };
        if is_dropped {
            crate::sometimes!("an answer is dropped");
            link.cut(now);
            return;
        }
        link.last_down = link.last_down.max(now + latency);
        for _ in 0..=usize::from(is_twice) {
            link.down.push_back((link.last_down, said.clone()));
        }
        crate::sometimes!("a page comes twice", is_twice);
    }

    fn send_up(&mut self, key: u64, frame: String) {
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

    fn receive(&mut self, key: u64) -> Option<Down> {
        let (now, still) = (self.now, self.still.clone());
        let link = self.find(key).filter(|link| !still.contains(&link.client))?;
        let (due, said) = link.down.pop_front()?;
        if due > now {
            link.down.push_front((due, said));
            return None;
        }
        self.note(key, "<", &said.text());
        Some(said)
    }
}

impl Link {
    fn read(&mut self) -> Option<(Down, bool)> {
        if self.down.len() >= HELD_MAX {
            return None;
        }
        self.far.as_mut()?.say()
    }

    fn cut(&mut self, now: Duration) {
        if self.is_cut {
            return;
        }
        self.is_cut = true;
        self.far = None;
        self.up.clear();
        self.down.clear();
        self.down.push_back((now, Down::Cut));
    }
}

struct Provider {
    network: SimNetwork,
    client: usize,
}

struct Connection {
    network: SimNetwork,
    key: u64,
    /// The client's end of a server's protocol; other backends take requests as they are.
    #[cfg(feature = "server")]
    near: Option<server::Near>,
}

impl SyncProvider for Provider {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let mut net = self.network.lock();
        let (key, now) = (net.next_key, net.now);
        net.next_key += 1;
        if !net.may_connect(self.client) {
            return Box::new(Connection::new(self.network.clone(), key, &net.backend)); // Nothing ever comes over it.
        }
        let far = Some(net.backend.connect(target));
        let (up, down) = (VecDeque::new(), VecDeque::new());
        let (client, is_cut, near_due) = (self.client, false, None);
        net.links.push(Link {
            key,
            client,
            far,
            up,
            down,
            last_up: now,
            last_down: now,
            is_cut,
            near_due,
            waker: wake,
        });
        net.read_on();
        Box::new(Connection::new(self.network.clone(), key, &net.backend))
    }
}

impl Connection {
    #[cfg(not(feature = "server"))]
    fn new(network: SimNetwork, key: u64, _: &Backend) -> Self {
        Self { network, key }
    }

    #[cfg(feature = "server")]
    fn new(network: SimNetwork, key: u64, backend: &Backend) -> Self {
        let near = matches!(backend, Backend::Server(_)).then(server::Near::new);
        Self { network, key, near }
    }
}

#[cfg(not(feature = "server"))]
impl SyncConnection for Connection {
    fn send(&mut self, request: SyncRequest) {
        self.network.lock().send_up(self.key, encode(&request));
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        self.network.lock().receive(self.key).map(|said| said.message())
    }
}

#[cfg(feature = "server")]
impl SyncConnection for Connection {
    fn send(&mut self, request: SyncRequest) {
        let mut net = self.network.lock();
        let Some(near) = &mut self.near else { return net.send_up(self.key, encode(&request)) };
        let frames = near.send(request, net.now);
        frames.into_iter().for_each(|frame| net.send_up(self.key, frame));
        // What it says by itself is heard when the client looks again.
        let due = if near.has_news() { Some(net.now) } else { near.deadline() };
        net.look_after(self.key, due);
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        let mut net = self.network.lock();
        let Some(near) = &mut self.near else { return net.receive(self.key).map(|said| said.message()) };
        let now = net.now;
        while !near.has_news() {
            let frames = match net.receive(self.key) {
                Some(Down::Said(said)) => near.hear(said, now),
                Some(_) => near.hear(server::Said::Closed { code: None, reason: CUT.into() }, now),
                None => {
                    let frames = near.tick(now);
                    frames.into_iter().for_each(|frame| net.send_up(self.key, frame));
                    break;
                }
            };
            frames.into_iter().for_each(|frame| net.send_up(self.key, frame));
        }
        let next = near.next(now).map(|(message, frames)| {
            frames.into_iter().for_each(|frame| net.send_up(self.key, frame));
            message
        });
        net.look_after(self.key, near.deadline());
        next
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
