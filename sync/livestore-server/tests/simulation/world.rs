//! Clients, servers and the network between them; who acts next is chance.

use crate::client::{Client, Said as ClientSaid};
use crate::server::{Request, Said as ServerSaid, Server};
use crate::storage::{Fault, Log};
use crate::support::rng::Rng;
use crate::wire::Wire;
use livestore_server::log::{Push, Verdict};
use livestore_server::storage::{Entry, ReadMax};
use livestore_sync_protocol::{
    BackendId, ClientInput, Groups, Limits, LogEvent, LogPage, Read, ServerConnection, ServerInput, ServerOptions,
    ServerOutput,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(crate) const MARKS: [&str; 9] = [
    "a client is told that the server is ahead",
    "a client is given a turn",
    "a connection is cut with frames under way",
    "a push is accepted",
    "a push waits for a turn to end",
    "a server ends with an append under way",
    "another server appends first",
    "it is not known whether events were stored",
    "the log is restored from an older copy",
];

struct Connection {
    server: usize,
    client: usize,
    machine: ServerConnection,
    up: VecDeque<String>,
    down: VecDeque<String>,
    reads: VecDeque<Read>,
    /// The log grew, and the connection was not told yet.
    has_news: bool,
    is_closed: bool,
    wire: Wire,
}

struct World {
    rng: Rng,
    now: Duration,
    log: Log,
    servers: Vec<Server>,
    clients: Vec<Client>,
    /// Connections are told apart by their place; none is used twice.
    connections: BTreeMap<usize, Connection>,
    next: usize,
    marks: BTreeMap<&'static str, u64>,
    has_faults: bool,
    restores: bool,
}

/// Runs a seed. Panics where something does not hold; returns what happened.
pub(crate) fn run(seed: u64) -> BTreeMap<&'static str, u64> {
    let told = std::panic::catch_unwind(|| {
        let mut world = World::new(seed);
        for _ in 0..600 {
            world.act();
        }
        world.come_to_rest();
        world.marks
    });
    told.unwrap_or_else(|panic| {
        println!("seed {seed}");
        std::panic::resume_unwind(panic)
    })
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let (servers, clients) = (1 + rng.below(2), 1 + rng.below(4));
        Self {
            has_faults: !rng.one_in(3),
            restores: rng.one_in(4),
            now: Duration::ZERO,
            log: Log::default(),
            servers: (0..servers).map(|_| Server::new()).collect(),
            clients: (0..clients as usize).map(Client::new).collect(),
            connections: BTreeMap::new(),
            next: 0,
            marks: BTreeMap::new(),
            rng,
        }
    }

    fn mark(&mut self, name: &'static str) {
        *self.marks.entry(name).or_default() += 1;
    }

    fn act(&mut self) {
        let client = self.rng.below(self.clients.len() as u64) as usize;
        let server = self.rng.below(self.servers.len() as u64) as usize;
        let keys: Vec<usize> = self.connections.keys().copied().collect();
        let connection = keys.get(self.rng.below(keys.len() as u64) as usize).copied();
        match self.rng.below(100) {
            0..20 => self.client_acts(client),
            20..40 => drop(connection.map(|connection| self.deliver_up(connection))),
            40..60 => drop(connection.map(|connection| self.deliver_down(connection))),
            60..80 => self.work(server),
            80..92 => drop(connection.map(|connection| self.serve(connection))),
            92..94 => self.servers[server].ask(Request::Look),
            94 if self.has_faults => drop(connection.map(|connection| self.cut(connection))),
            95 if self.has_faults && self.rng.one_in(3) => self.end_server(server),
            96 if self.restores && self.rng.one_in(6) => self.restore(),
            97 => self.tick(),
            98 => {
                let said = self.clients[client].pull(self.now);
                self.hear_client(client, said);
            }
            _ => {}
        }
    }

    fn client_acts(&mut self, client: usize) {
        let now = self.now;
        let (connected, roll) = (self.clients[client].machine.is_some(), self.rng.below(10));
        let said = match roll {
            0..3 => {
                let events = 1 + self.rng.below(3) as u32;
                self.clients[client].commit(events);
                Vec::new()
            }
            3..5 if !connected => return self.connect(client),
            5..8 => self.clients[client].push(1 + self.rng.below(3), now),
            8 => self.clients[client].step(ClientInput::Ping, now),
            _ => return self.take_page(client),
        };
        self.hear_client(client, said);
    }

    fn take_page(&mut self, client: usize) {
        if self.clients[client].held_pages > 0 {
            self.clients[client].held_pages -= 1;
            let said = self.clients[client].step(ClientInput::PageTaken, self.now);
            self.hear_client(client, said);
        }
    }

    fn connect(&mut self, client: usize) {
        let server = self.rng.below(self.servers.len() as u64) as usize;
        let machine = ServerConnection::new("s", ServerOptions::default(), self.now);
        let (up, down, reads) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        let wire = Wire::default();
        let connection =
            Connection { server, client, machine, up, down, reads, has_news: false, is_closed: false, wire };
        self.connections.insert(self.next, connection);
        self.next += 1;
        let said = self.clients[client].connect(self.now);
        self.hear_client(client, said);
    }

    fn of_client(&self, client: usize) -> Option<usize> {
        self.connections.iter().find(|(_, connection)| connection.client == client).map(|(key, _)| *key)
    }

    fn hear_client(&mut self, client: usize, said: Vec<ClientSaid>) {
        for said in said {
            match said {
                ClientSaid::Send(frame) => {
                    let connection = self.of_client(client).and_then(|key| self.connections.get_mut(&key));
                    connection.expect("it is connected").up.push_back(frame);
                }
                ClientSaid::Accepted(ids) => {
                    self.mark("a push is accepted");
                    let is_stored = ids.iter().all(|id| self.log.ids.contains(id));
                    assert!(is_stored || self.log.restores > 0, "client {client} was told that {ids:?} are stored");
                }
                ClientSaid::Ahead => self.mark("a client is told that the server is ahead"),
                ClientSaid::Over => drop(self.of_client(client).map(|key| self.connections.remove(&key))),
            }
        }
    }

    fn deliver_up(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(&key).filter(|connection| !connection.is_closed) else {
            return;
        };
        // A busy connection is not read from.
        if connection.machine.is_busy() {
            return;
        }
        let Some(frame) = connection.up.pop_front() else { return };
        connection.wire.up(&frame);
        self.step(key, ServerInput::Frame(frame.as_bytes()));
        if let Some(connection) = self.connections.get(&key).filter(|connection| !connection.is_closed) {
            connection.wire.check_answered();
        }
    }

    fn deliver_down(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        let client = connection.client;
        let frame = connection.down.pop_front();
        let is_over = frame.is_none() && connection.is_closed;
        let said = match &frame {
            Some(frame) => self.clients[client].step(ClientInput::Frame(frame.as_bytes()), self.now),
            None if is_over => self.clients[client]
                .step(ClientInput::Closed { code: Some(1011), reason: "simulated".into() }, self.now),
            None => return,
        };
        self.hear_client(client, said);
    }

    fn step(&mut self, key: usize, input: ServerInput<'_>) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&key) else { return };
        for output in connection.machine.step(input, now) {
            match output {
                ServerOutput::Send(text) => {
                    connection.wire.down(&text);
                    connection.down.push_back(text);
                }
                ServerOutput::Read(read) => connection.reads.push_back(read),
                ServerOutput::Push(push) => {
                    let (batch, backend_id) = (push.batch, push.backend_id);
                    let request = Push { batch, backend_id, principal: None, at_ms: 7 };
                    self.servers[connection.server].ask(Request::Push(key, push.key, request));
                }
                ServerOutput::Close(_) => connection.is_closed = true,
            }
        }
    }

    fn work(&mut self, server: usize) {
        let fault = if self.has_faults { Fault::roll(&mut self.rng) } else { Fault::None };
        self.work_with(server, fault);
    }

    fn work_with(&mut self, server: usize, fault: Fault) {
        let said = self.servers[server].work(&mut self.log, fault, self.now);
        if self.servers[server].holds_back() {
            self.mark("a push waits for a turn to end");
        }
        let is_shared = self.servers.len() > 1;
        for said in said {
            match said {
                ServerSaid::Verdict(key, push, Verdict::Judged(verdict)) => {
                    self.step(key, ServerInput::Pushed { key: push, verdict });
                }
                ServerSaid::Verdict(key, _, Verdict::Unknown) => {
                    self.mark("it is not known whether events were stored");
                    self.close(key);
                }
                ServerSaid::Read(key, read) => self.answer(key, read),
                ServerSaid::Turn => self.mark("a client is given a turn"),
                ServerSaid::Moved => {
                    if is_shared && self.servers[server].has_work() {
                        self.mark("another server appends first");
                    }
                    let of_server = self.connections.values_mut().filter(|connection| connection.server == server);
                    of_server.for_each(|connection| connection.has_news = true);
                }
                ServerSaid::Restarted => {
                    let of_server = self.connections.iter().filter(|(_, connection)| connection.server == server);
                    let keys: Vec<usize> = of_server.map(|(key, _)| *key).collect();
                    keys.into_iter().for_each(|key| self.close(key));
                }
            }
        }
    }

    fn close(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.is_closed = true;
        }
    }

    /// One thing that the server does for a connection: tells it that the log grew, or reads for it.
    fn serve(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(&key).filter(|connection| !connection.is_closed) else {
            return;
        };
        let server = &mut self.servers[connection.server];
        // Nobody is let in to a store that is not loaded.
        let Some(head) = server.head else { return };
        if std::mem::take(&mut connection.has_news) {
            return self.step(key, ServerInput::Moved { head });
        }
        let Some(read) = connection.reads.pop_front() else { return };
        if read.after > head {
            return server.ask(Request::LookFor(key, read));
        }
        self.answer(key, read);
    }

    fn answer(&mut self, key: usize, read: Read) {
        let Some(connection) = self.connections.get(&key).filter(|connection| !connection.is_closed) else { return };
        let Some(head) = self.servers[connection.server].head else { return };
        let max = ReadMax { events: read.events_max, bytes: read.bytes_max };
        let mut entries = self.log.read(read.after, max);
        if read.groups == Groups::Whole && !entries.iter().any(Entry::ends_group) {
            entries = self.log.read(read.after, ReadMax { events: Limits::GROUP_EVENTS, ..max });
        }
        let event = |entry: Entry| {
            let Entry { number, rest, created_at_ms, body, .. } = entry;
            LogEvent { number, rest, created_at_ms, body }
        };
        let events: Vec<LogEvent> = entries.into_iter().map(event).collect();
        let head = events.last().map_or(head, |last| last.number.max(head));
        let backend_id = BackendId::new("simulated").unwrap();
        self.step(key, ServerInput::Page(LogPage { key: read.key, backend_id: &backend_id, head, events: &events }));
    }

    fn cut(&mut self, key: usize) {
        let Some(connection) = self.connections.remove(&key) else { return };
        self.servers[connection.server].ask(Request::Gone(key));
        if !connection.up.is_empty() || !connection.down.is_empty() {
            self.mark("a connection is cut with frames under way");
        }
        self.clients[connection.client].forget_connection();
    }

    /// The process is killed. What it asked of the storage happens or does not.
    fn end_server(&mut self, server: usize) {
        if self.servers[server].has_work() {
            self.mark("a server ends with an append under way");
        }
        let of_server = self.connections.iter().filter(|(_, connection)| connection.server == server);
        let keys: Vec<usize> = of_server.map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.cut(key));
        if self.rng.one_in(2) {
            drop(self.servers[server].work(&mut self.log, Fault::None, self.now));
        }
        self.servers[server] = Server::new();
    }

    fn restore(&mut self) {
        self.mark("the log is restored from an older copy");
        self.log.restore(&mut self.rng);
        for server in 0..self.servers.len() {
            self.servers[server].ask(Request::Look);
            while self.servers[server].has_work() {
                self.work_with(server, Fault::None);
            }
        }
        let keys: Vec<usize> = self.connections.keys().copied().collect();
        keys.into_iter().for_each(|key| self.cut(key));
        // That the log grew again since then, nobody could tell by its head.
        self.clients.iter_mut().for_each(Client::begin_again);
    }

    fn tick(&mut self) {
        self.now += Duration::from_millis(self.rng.below(3_000));
        for key in self.connections.keys().copied().collect::<Vec<_>>() {
            self.step(key, ServerInput::Tick);
        }
        for client in 0..self.clients.len() {
            let said = self.clients[client].step(ClientInput::Tick, self.now);
            self.hear_client(client, said);
        }
    }

    /// Nothing goes wrong any more and hardly any time passes, so that no deadline helps but the end of a turn: all that was asked has
    /// to be answered.
    fn come_to_rest(&mut self) {
        self.has_faults = false;
        for _round in 0..5_000 {
            self.now += Duration::from_micros(200);
            for client in 0..self.clients.len() {
                if self.clients[client].machine.is_none() {
                    if let Some(key) = self.of_client(client) {
                        self.connections.remove(&key);
                    }
                    self.connect(client);
                }
                self.take_page(client);
                let said = self.clients[client].push(3, self.now);
                self.hear_client(client, said);
            }
            for key in self.connections.keys().copied().collect::<Vec<_>>() {
                self.deliver_up(key);
                self.serve(key);
                self.deliver_down(key);
            }
            for server in 0..self.servers.len() {
                self.work(server);
                if !self.servers[server].has_work() {
                    // It looks at the log now and then.
                    self.servers[server].ask(Request::Look);
                }
            }
            if self.is_at_rest() {
                return;
            }
        }
        let pending: Vec<_> = self.clients.iter().map(|client| (client.texts().len(), client.pending.len())).collect();
        panic!("not at rest: the log has {} events, clients and pending {pending:?}", self.log.texts.len());
    }

    fn is_at_rest(&self) -> bool {
        self.clients.iter().all(|client| client.pending.is_empty() && client.texts() == self.log.texts)
    }
}
