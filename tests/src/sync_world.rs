//! Several clients and their backend, to whom anything may happen.

use crate::history::App;
use crate::rng::Rng;
use crate::scratch::Scratch;
use crate::sync_plan::{self, Kept, Planned};
use livestore::*;
use std::time::{Duration, Instant};

/// The store of all clients.
pub const STORE: &str = "world";
/// The client that only the backend knows.
const FOREIGN: &str = "foreign";
/// How long everybody may take to agree once nothing goes wrong any more.
const QUIESCENCE_MAX: Duration = Duration::from_secs(60);

/// What happened, over all worlds: a run that leaves one at 0 has not tested that.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Worlds that ended well.
    pub worlds: u64,
    /// Steps taken.
    pub steps: u64,
    /// Commits taken.
    pub commits: u64,
    /// Commits that their own session refused.
    pub refused: u64,
    /// Groups that the backend rejected.
    pub rejected: u64,
    /// Groups that are in a log and not in state.
    pub quarantined: u64,
    /// Events in backends' logs at the end.
    pub events: u64,
    /// Sessions whose client went away under them, and came back.
    pub reopened: u64,
    /// Clients that lived without a backend first.
    pub attached: u64,
    /// Times when a client's log was compared on the way.
    pub looks: u64,
    /// Backends that were replaced or lost events.
    pub shaken: u64,
    /// Faults that happened.
    pub faults: u64,
    /// Times when nobody could reach the backend, or was let in.
    pub offline: u64,
}

/// A commit that was taken.
#[derive(Debug)]
pub struct Taken {
    /// Whose.
    pub client: usize,
    /// The session.
    pub session_id: String,
    /// What it holds.
    pub events: Vec<Kept>,
    /// What came of it.
    pub receipt: Receipt,
    /// Whether the session went away with what it had.
    pub is_left: bool,
}

#[derive(Debug)]
enum Home {
    Memory(MemoryAdapter),
    Native(Scratch),
}

/// One client: a data directory, or one in memory.
#[derive(Debug)]
pub struct Client {
    home: Home,
    /// Its open sessions.
    pub sessions: Vec<Store<App>>,
    /// Whether it has a backend already.
    pub is_attached: bool,
}

impl Client {
    fn open(&self, backend: &MemoryBackend) -> Store<App> {
        let opened = match (&self.home, self.is_attached) {
            (Home::Memory(adapter), true) => Store::builder(adapter.clone(), STORE).sync(backend.clone()).open(),
            (Home::Memory(adapter), false) => Store::open(adapter.clone(), STORE),
            (Home::Native(folder), true) => Store::builder(native(folder.path()), STORE).sync(backend.clone()).open(),
            (Home::Native(folder), false) => Store::open(native(folder.path()), STORE),
        };
        opened.expect("the store opens")
    }

    /// Its directory, where it has one.
    #[must_use]
    pub fn folder(&self) -> Option<&Scratch> {
        match &self.home {
            Home::Memory(_) => None,
            Home::Native(folder) => Some(folder),
        }
    }
}

/// What may go wrong in a world, so that some worlds have much of one thing.
#[derive(Clone, Copy, Debug)]
struct Weather {
    faults: u64,
    lines: u64,
    sessions: u64,
    foreign: bool,
    /// The backend is replaced and loses events; asked for by the environment variable `SHAKY`.
    is_shaky: bool,
}

/// All of it.
#[derive(Debug)]
pub struct World {
    /// The backend.
    pub backend: MemoryBackend,
    /// Whether it keeps ids and groups.
    pub keeps_identity: bool,
    /// The clients.
    pub clients: Vec<Client>,
    /// Every commit, in order.
    pub taken: Vec<Taken>,
    /// What was done, in words.
    pub script: Vec<String>,
    /// Whether the backend was replaced or lost events: what was confirmed moved.
    pub is_shaken: bool,
    /// Events that others appended at the backend.
    pub foreign: u64,
    weather: Weather,
    rng: Rng,
    tags: u64,
}

impl World {
    /// As the seed says.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let keeps_identity = !rng.one_in(3);
        let backend = if keeps_identity { MemoryBackend::new() } else { MemoryBackend::like_the_original() };
        let weather = Weather {
            faults: rng.below(3) * rng.below(12),
            lines: rng.below(2) * rng.below(12),
            sessions: rng.below(2) * rng.below(8),
            foreign: rng.one_in(3),
            is_shaky: rng.one_in(8) && keeps_identity && std::env::var_os("SHAKY").is_some(),
        };
        let clients = (0..2 + rng.below(3)).map(|nth| {
            let home = if rng.one_in(2) {
                Home::Memory(memory())
            } else {
                Home::Native(Scratch::new(&format!("world-{nth}")))
            };
            let is_attached = matches!(home, Home::Memory(_)) || !rng.one_in(4);
            Client { home, sessions: Vec::new(), is_attached }
        });
        let clients = clients.collect();
        let script = vec![format!("seed {seed}, keeps identity {keeps_identity}, {weather:?}")];
        let mut world = Self {
            backend,
            keeps_identity,
            clients,
            taken: Vec::new(),
            script,
            is_shaken: false,
            foreign: 0,
            weather,
            rng,
            tags: 0,
        };
        (0..world.clients.len()).for_each(|client| world.open(client));
        world
    }

    fn note(&mut self, what: String) {
        self.script.push(what);
    }

    fn open(&mut self, client: usize) {
        let store = self.clients[client].open(&self.backend);
        let (home, id) = (if self.clients[client].folder().is_some() { "native" } else { "memory" }, store.client_id());
        self.note(format!("open {home} client {client} `{id}` session {}", store.session_id()));
        self.clients[client].sessions.push(store);
    }

    fn client(&mut self) -> usize {
        self.rng.below(self.clients.len() as u64) as usize
    }

    /// Goes through some steps.
    pub fn live(&mut self, marks: &mut Marks) {
        for _ in 0..30 + self.rng.below(120) {
            self.step(marks);
            marks.steps += 1;
        }
    }

    fn step(&mut self, marks: &mut Marks) {
        let Weather { faults, lines, sessions, .. } = self.weather;
        let kinds = [60, faults, lines, sessions, 6, 6, 4, 1];
        let mut at = self.rng.below(kinds.iter().sum());
        let kind = kinds.iter().position(|weight| {
            let is_it = at < *weight;
            at = at.wrapping_sub(*weight);
            is_it
        });
        match kind {
            Some(1) => self.inject(marks),
            Some(2) => self.change_lines(marks),
            Some(3) => self.change_sessions(marks),
            Some(4) => self.breathe(),
            Some(5) => self.look(marks),
            Some(6) => self.append_foreign(),
            Some(7) => self.shake(marks),
            _ => {
                let client = self.client();
                self.commit(client, marks);
            }
        }
    }

    fn commit(&mut self, client: usize, marks: &mut Marks) {
        if self.clients[client].sessions.is_empty() {
            return self.open(client);
        }
        let session = self.rng.below(self.clients[client].sessions.len() as u64) as usize;
        self.tags += 1;
        let group = Planned::group(&mut self.rng, format!("t{}", self.tags));
        self.commit_group((client, session), group, marks);
    }

    fn commit_group(&mut self, (client, session): (usize, usize), group: Vec<Planned>, marks: &mut Marks) {
        let store = self.clients[client].sessions[session].clone();
        let shown = format!("client {client} session {session} commits {group:?}");
        let (result, shown) = match sync_plan::commit(&store, group) {
            Ok(taken) => (Some(taken), shown),
            Err(error @ CommitError::Materialize { .. }) => (None, format!("{shown}: {error}")),
            Err(error) => panic!("{shown}: {error}"),
        };
        self.note(shown);
        let Some((receipt, events)) = result else {
            marks.refused += 1;
            return;
        };
        marks.commits += 1;
        let session_id = store.session_id().to_string();
        self.taken.push(Taken { client, session_id, events, receipt, is_left: false });
    }

    fn inject(&mut self, marks: &mut Marks) {
        let few = 1 + self.rng.below(3);
        let fault = match self.rng.below(if self.weather.is_shaky { 14 } else { 13 }) {
            0 | 1 => Fault::LoseAnswer,
            2 => Fault::LosePush,
            3 => Fault::Busy,
            // Whoever holds an event brings it back to a backend that lost it: rejected here, and taken from another.
            4 | 5 if self.weather.is_shaky => Fault::Busy,
            4 | 5 => Fault::Reject { index: self.rng.below(6) as usize, reason: "not today".into() },
            6 => Fault::LosePage,
            7 => Fault::DuplicatePage,
            8 => Fault::OverlapPage { events: few },
            9 => Fault::GapInPage,
            10 => Fault::CutAfter { events: few as usize - 1 },
            11 => Fault::WrongParent,
            12 => {
                if self.rng.one_in(2) {
                    Fault::ReversedPage
                } else {
                    Fault::GiantNumbers
                }
            }
            _ => {
                self.is_shaken = true;
                Fault::OtherBackendId
            }
        };
        marks.faults += 1;
        self.note(format!("inject {fault:?}"));
        self.backend.inject(fault);
    }

    fn change_lines(&mut self, marks: &mut Marks) {
        let kind = self.rng.below(7);
        self.note(
            ["offline", "online", "cut all", "auth refused", "auth granted", "hold", "release"][kind as usize].into(),
        );
        marks.offline += u64::from(kind == 0 || kind == 3);
        match kind {
            0 => self.backend.set_online(false),
            1 => self.backend.set_online(true),
            2 => self.backend.disconnect_all(),
            3 => self.backend.refuse_auth(Some("no")),
            4 => self.backend.refuse_auth(None),
            5 => self.backend.hold(),
            _ => self.backend.release(),
        }
    }

    fn change_sessions(&mut self, marks: &mut Marks) {
        let client = self.client();
        let open = self.clients[client].sessions.len();
        let is_native = self.clients[client].folder().is_some();
        match self.rng.below(5) {
            0 | 1 if open < 3 => self.open(client),
            2 if open > 1 => {
                let session = self.rng.below(open as u64) as usize;
                self.leave(client, session);
            }
            3 if open > 1 || (is_native && open > 0) => {
                let session = self.rng.below(open as u64) as usize;
                let store = self.clients[client].sessions[session].clone();
                let ended = store.shutdown();
                self.note(format!("client {client} shuts session {session} down: {ended:?}"));
                ended.expect("the session ends");
                self.leave(client, session);
            }
            4 if is_native => self.reopen(client, marks),
            _ => {}
        }
    }

    fn leave(&mut self, client: usize, session: usize) {
        self.note(format!("client {client} drops session {session}"));
        let store = self.clients[client].sessions.remove(session);
        let id = store.session_id().to_string();
        self.taken.iter_mut().filter(|taken| taken.session_id == id).for_each(|taken| taken.is_left = true);
    }

    /// All sessions go as they are, and one comes back; with a backend, where it had none.
    fn reopen(&mut self, client: usize, marks: &mut Marks) {
        (0..self.clients[client].sessions.len()).for_each(|_| self.leave(client, 0));
        let was_attached = std::mem::replace(&mut self.clients[client].is_attached, true);
        marks.attached += u64::from(!was_attached);
        marks.reopened += 1;
        self.open(client);
    }

    fn breathe(&mut self) {
        let client = self.client();
        let wait = Duration::from_millis(1 + self.rng.below(20));
        self.note(format!("wait for client {client}"));
        if let Some(store) = self.clients[client].sessions.first() {
            let _ = store.wait_synced(wait); // What came of it is compared.
        }
    }

    /// A client's confirmed events are the first of the backend's.
    fn look(&mut self, marks: &mut Marks) {
        let client = self.client();
        if self.is_shaken || !self.clients[client].is_attached || self.clients[client].sessions.is_empty() {
            return;
        }
        let status = self.clients[client].sessions[0].sync_status();
        if status.backend_id.is_none() {
            return; // What it has is provisional.
        }
        let raw = self.clients[client].sessions[0].raw_events().until_now();
        let seen = raw.map(|event| event.expect("the eventlog reads")).filter(|event| !event.event.client_only);
        let seen: Vec<_> = seen.collect();
        let log = self.backend.events(STORE);
        for (place, event) in seen.iter().enumerate() {
            let Some(there) = log.get(place) else {
                panic!("client {client} has e{} and the backend ends at e{}", place + 1, log.len());
            };
            assert_eq!(event.number.global, there.number, "client {client}");
            assert_eq!(
                (&event.event.name, event.session_id.as_str()),
                (&there.name, &*there.session_id),
                "client {client} e{}",
                place + 1
            );
            // The original gives what came without args back with null, once it is stored.
            let keeps_identity = self.keeps_identity;
            let held = |args: Option<&str>| args.filter(|args| keeps_identity || *args != "null").map(str::to_owned);
            let (ours, theirs) = (held(event.event.args.as_deref()), held(there.args.as_deref()));
            assert_eq!(ours, theirs, "client {client} e{}", place + 1);
        }
        marks.looks += 1;
    }

    fn append_foreign(&mut self) {
        if self.weather.foreign {
            self.foreign += 1;
            self.note("a foreign client appends".into());
            let args = format!(r#"{{"id":"{}","by":1}}"#, ["a", "b", "z"][self.rng.below(3) as usize]);
            self.backend.append(STORE, FOREIGN, "v1.Counted", Some(&args));
        }
    }

    fn shake(&mut self, marks: &mut Marks) {
        // What others appended is nobody's to bring back.
        if !self.weather.is_shaky || self.foreign > 0 {
            return;
        }
        (self.is_shaken, self.weather.foreign) = (true, false);
        marks.shaken += 1;
        if self.rng.one_in(2) {
            self.note("the backend is replaced".into());
            self.backend.replace();
        } else {
            let events = 1 + self.rng.below(10);
            self.note(format!("the backend loses {events} events"));
            self.backend.rewind(STORE, events);
        }
    }

    /// Nothing goes wrong any more, and everybody is there.
    pub fn heal(&mut self, marks: &mut Marks) {
        let left = self.backend.clear_faults() as u64;
        marks.faults -= left.min(marks.faults);
        self.backend.refuse_auth(None);
        self.backend.release();
        self.backend.set_online(true);
        // A page that was lost without another behind it is known only when its connection ends.
        self.backend.disconnect_all();
        self.note(format!("all is well ({left} faults left)"));
        for client in 0..self.clients.len() {
            if !self.clients[client].is_attached {
                self.reopen(client, marks);
            } else if self.clients[client].sessions.is_empty() {
                self.open(client);
            }
        }
        self.rest();
        // Work goes on.
        for client in 0..self.clients.len() {
            for session in 0..self.clients[client].sessions.len() {
                self.tags += 1;
                let tag = Planned::tag(format!("t{}", self.tags));
                self.commit_group((client, session), vec![tag], marks);
            }
        }
        self.rest();
    }

    /// Waits until all agree.
    ///
    /// # Panics
    /// They do not within the time.
    fn rest(&mut self) {
        let deadline = Instant::now() + QUIESCENCE_MAX;
        while !self.is_at_rest() {
            assert!(Instant::now() < deadline, "no quiescence within {QUIESCENCE_MAX:?}");
        }
        self.note("everybody agrees".into());
    }

    fn is_at_rest(&self) -> bool {
        let stores = || self.clients.iter().flat_map(|client| &client.sessions);
        let is_synced = stores().all(|store| store.wait_synced(Duration::from_millis(300)));
        let head = self.backend.head(STORE);
        is_synced
            && stores().all(|store| store.sync_status().is_synced() && store.status().upstream_head.global == head)
    }

    /// What everybody sees, to understand a failure.
    #[must_use]
    pub fn views(&self) -> String {
        let mut text = self.script.join("\n");
        for event in self.backend.events(STORE) {
            text.push_str(&format!(
                "\nbackend {} {} {:?} {} {:?} {:?}",
                event.number, event.name, event.args, event.session_id, event.rest, event.id
            ));
        }
        for (nth, client) in self.clients.iter().enumerate() {
            for store in &client.sessions {
                text.push_str(&format!("\nclient {nth} {:?}\n   {:?}", store.sync_status(), store.status()));
            }
        }
        text
    }
}
