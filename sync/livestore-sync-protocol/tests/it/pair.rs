//! Both machines against each other, and our client against a server that behaves like the recorded one: whatever the order of
//! messages, every client gets the whole log, in order and once.

use crate::rng::{Rng, rounds};
use crate::store::{ModelStore, Served};
use livestore_sync_protocol::{
    Call, ClientConnection, ClientEnvelope, ClientInput, ClientOptions, ClientOutput, Event, Exit, PageInfo,
    PullResponse, PulledEvent, Refusal, RequestId, ServerEnvelope, ServerInput, Transport, decode_client_frame,
};
use std::collections::VecDeque;
use std::time::Duration;

/// A client with a log of its own and something to say.
struct Client {
    connection: ClientConnection,
    log: Vec<Event>,
    untaken: usize,
    to_push: u32,
    is_pushing: bool,
    outbox: VecDeque<String>,
}

impl Client {
    fn new(to_push: u32) -> Self {
        let connection = ClientConnection::new(ClientOptions::new("s"));
        Self { connection, log: Vec::new(), untaken: 0, to_push, is_pushing: false, outbox: VecDeque::new() }
    }

    fn head(&self) -> u64 {
        self.log.len().try_into().unwrap()
    }

    /// A new connection, which pulls from where the client is.
    fn connect(&mut self, store: &ModelStore, now: Duration) {
        self.connection = ClientConnection::new(ClientOptions::new("s"));
        (self.untaken, self.is_pushing) = (0, false);
        self.outbox.clear();
        self.step(ClientInput::Open, now);
        let backend_id = (!self.log.is_empty()).then(|| store.backend_id.clone());
        self.step(ClientInput::Pull { after: self.head(), backend_id, live: true }, now);
    }

    fn step(&mut self, input: ClientInput<'_>, now: Duration) {
        for output in self.connection.step(input, now) {
            match output {
                ClientOutput::Send(frame) => self.outbox.push_back(frame),
                ClientOutput::Page(page) => {
                    for event in page.events {
                        assert_eq!((event.parent, event.number), (self.head(), self.head() + 1));
                        self.log.push(event);
                    }
                    self.untaken += 1;
                }
                ClientOutput::Pushed => {
                    self.is_pushing = false;
                    self.to_push -= 1;
                }
                ClientOutput::PushRefused(Refusal::ServerAhead { .. }) => self.is_pushing = false,
                ClientOutput::Connected | ClientOutput::Pong => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn act(&mut self, rng: &mut Rng, now: Duration) {
        if self.untaken > 0 && rng.one_in(2) {
            self.untaken -= 1;
            self.step(ClientInput::PageTaken, now);
        } else if self.to_push > 0 && !self.is_pushing && rng.one_in(3) {
            self.is_pushing = true;
            let number = self.head() + 1;
            let (client_id, session_id) = ("c".into(), "s".into());
            let event = Event {
                name: "v1.X".into(),
                args: None,
                number,
                parent: number - 1,
                client_id,
                session_id,
                id: None,
                rest: None,
            };
            self.step(ClientInput::Push { backend_id: None, events: vec![event] }, now);
        }
    }
}

fn bodies(log: &[Event]) -> Vec<(u64, &str)> {
    log.iter().map(|event| (event.number, event.client_id.as_str())).collect()
}

#[test]
fn both_machines_converge_in_any_order_of_messages() {
    let mut rng = Rng::seeded();
    for _ in 0..rounds(100, 3_000) {
        converge(&mut rng);
    }
}

fn converge(rng: &mut Rng) {
    let mut store = ModelStore::new("b");
    let now = Duration::ZERO;
    (0..rng.below(250)).for_each(|_| store.append("v1.Y", None));
    let mut pairs: Vec<_> = (0..3).map(|_| (Client::new(5), Served::new("s", now))).collect();
    pairs.iter_mut().for_each(|(client, _)| client.connect(&store, now));
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(steps < 100_000, "it comes to an end");
        let index = rng.below(pairs.len());
        let (client, served) = &mut pairs[index];
        match rng.below(8) {
            0 | 1 => client.act(rng, now),
            2..=4 => {
                if let Some(frame) = client.outbox.pop_front() {
                    served.step(ServerInput::Frame(frame.as_bytes()), &mut store, now);
                }
            }
            5 | 6 if !served.sent.is_empty() => {
                let frame = served.sent.remove(0);
                client.step(ClientInput::Frame(frame.as_bytes()), now);
            }
            7 if rng.one_in(40) => {
                // The connection breaks; what is under way is lost.
                *served = Served::new("s", now);
                client.connect(&store, now);
            }
            _ => served.step(ServerInput::Moved { head: store.head() }, &mut store, now),
        }
        assert_eq!(pairs[index].1.closed, None);
        let is_over = |(client, served): &(Client, Served)| {
            client.to_push == 0 && client.head() == store.head() && client.outbox.is_empty() && served.sent.is_empty()
        };
        if pairs.iter().all(is_over) {
            break;
        }
    }
    let logs: Vec<_> = pairs.iter().map(|(client, _)| bodies(&client.log)).collect();
    assert!(logs.windows(2).all(|logs| logs[0] == logs[1]));
}

/// A server that sends news at once, to pulls that ended too, and reads its backlog when it is acknowledged: as recorded.
struct Original {
    log: Vec<Event>,
    pulls: Vec<OriginalPull>,
    sent: VecDeque<String>,
}

struct OriginalPull {
    id: RequestId,
    next: u64,
    /// Whether the backlog is read to its end.
    is_done: bool,
}

const ORIGINAL_PAGE: usize = 3;

impl Original {
    fn chunk(&mut self, id: &RequestId, events: Vec<Event>, page_info: PageInfo) {
        let backend_id = ModelStore::new("b").backend_id;
        let batch = events.into_iter().map(|event| PulledEvent { event, created_at: None }).collect();
        let values = vec![PullResponse { batch, page_info, backend_id, capabilities: None }];
        self.sent.push_back(ServerEnvelope::Chunk { id: id.clone(), values }.encode());
    }

    fn read(&mut self, index: usize) {
        let (id, next) = (self.pulls[index].id.clone(), usize::try_from(self.pulls[index].next).unwrap());
        let events: Vec<_> = self.log[next.min(self.log.len())..].iter().take(ORIGINAL_PAGE).cloned().collect();
        let last = next + events.len();
        self.pulls[index].next = last.try_into().unwrap();
        self.pulls[index].is_done = last >= self.log.len();
        let info = PageInfo::after(last.try_into().unwrap(), self.log.len().try_into().unwrap());
        self.chunk(&id, events, info);
    }

    fn append(&mut self) {
        let number = u64::try_from(self.log.len()).unwrap() + 1;
        let (client_id, session_id) = (format!("c{number}"), "s".into());
        let event = Event {
            name: "v1.X".into(),
            args: None,
            number,
            parent: number - 1,
            client_id,
            session_id,
            id: None,
            rest: None,
        };
        self.log.push(event.clone());
        let ids: Vec<_> = self.pulls.iter().map(|pull| pull.id.clone()).collect();
        ids.iter().for_each(|id| self.chunk(id, vec![event.clone()], PageInfo::NoMore));
    }

    fn hear(&mut self, frame: &str) {
        let limits = Default::default();
        match &decode_client_frame(frame.as_bytes(), &limits).unwrap()[0] {
            ClientEnvelope::Request(request) => {
                let Call::Pull(pull) = request.call(Transport::WebSocket, &limits).unwrap() else { panic!("{frame}") };
                let next = pull.cursor.map_or(0, |cursor| cursor.number);
                self.pulls.push(OriginalPull { id: request.id.clone(), next, is_done: false });
                self.read(self.pulls.len() - 1);
            }
            ClientEnvelope::Ack(id) => {
                if let Some(index) = self.pulls.iter().position(|pull| pull.id == *id && !pull.is_done) {
                    self.read(index);
                }
            }
            ClientEnvelope::Interrupt(id) => {
                self.pulls.retain(|pull| pull.id != *id);
                let interrupted = Exit::Failure(livestore_sync_protocol::Cause::Interrupt(None));
                self.sent.push_back(ServerEnvelope::Exit { id: id.clone(), exit: interrupted }.encode());
            }
            ClientEnvelope::Ping => self.sent.push_back(ServerEnvelope::Pong.encode()),
            ClientEnvelope::Eof => {}
        }
    }
}

#[test]
fn a_server_like_the_recorded_one_is_followed_to_its_head() {
    let mut rng = Rng::seeded();
    for _ in 0..rounds(300, 10_000) {
        follow(&mut rng);
    }
}

fn follow(rng: &mut Rng) {
    let now = Duration::ZERO;
    let mut original = Original { log: Vec::new(), pulls: Vec::new(), sent: VecDeque::new() };
    (0..rng.below(20)).for_each(|_| original.append());
    let mut client = Client::new(0);
    client.connect(&ModelStore::new("b"), now);
    let mut news = rng.below(30);
    let mut steps = 0;
    while news > 0 || !client.outbox.is_empty() || !original.sent.is_empty() || client.untaken > 0 {
        steps += 1;
        assert!(steps < 20_000, "it comes to an end");
        match rng.below(4) {
            0 if news > 0 => {
                news -= 1;
                original.append();
            }
            1 => client.act(rng, now),
            2 => {
                if let Some(frame) = client.outbox.pop_front() {
                    original.hear(&frame);
                }
            }
            _ => {
                if let Some(frame) = original.sent.pop_front() {
                    client.step(ClientInput::Frame(frame.as_bytes()), now);
                }
            }
        }
    }
    assert_eq!(bodies(&client.log), bodies(&original.log));
}
