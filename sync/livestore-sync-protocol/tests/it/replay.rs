//! Recorded clients against our server, and recorded servers against our client.

use crate::capture::{self, Record};
use crate::store::{ModelStore, Served, exchange};
use livestore_sync_protocol::{
    BackendId, Call, ClientConnection, ClientEnvelope, ClientInput, ClientOptions, ClientOutput, Disconnect, Event,
    Exit, Page, PageInfo, Refusal, Request, RequestId, ServerEnvelope, ServerInput, Transport, decode_client_frame,
    decode_server_frame,
};
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: Duration = Duration::ZERO;

/// What the recorded server and ours have to agree on.
#[derive(Default, Debug, PartialEq, Eq)]
struct Meaning {
    pongs: usize,
    /// The events of each pull, in order: number, name, args. `null` args of the recorded server's storage count as absent.
    pulled: BTreeMap<RequestId, Vec<(u64, String, Option<String>)>>,
    /// How each push, and each pull that is not live, ended.
    exits: BTreeMap<RequestId, Exit>,
}

fn args(event: &Event) -> Option<String> {
    event.args.as_ref().map(|args| args.text().to_owned()).filter(|args| args != "null")
}

impl Meaning {
    fn hear(&mut self, envelope: ServerEnvelope) {
        match envelope {
            ServerEnvelope::Pong => self.pongs += 1,
            ServerEnvelope::Chunk { id, values } => {
                let pulled = self.pulled.entry(id).or_default();
                for event in values.into_iter().flat_map(|page| page.batch).map(|pulled| pulled.event) {
                    let item = (event.number, event.name.clone(), args(&event));
                    // What the recorded server sends twice or too early is not to be imitated.
                    if !pulled.iter().any(|(number, ..)| *number == event.number) {
                        pulled.push(item);
                    }
                }
                pulled.sort();
            }
            ServerEnvelope::Exit { id, exit } => drop(self.exits.insert(id, exit)),
            ServerEnvelope::Defect(_) => {}
        }
    }
}

fn backend_id(records: &[Record]) -> String {
    let answers = records.iter().filter(|record| record.is("s2c", &["text", "http-response"])).map(Record::body);
    let page =
        |body: String| match decode_server_frame(body.as_bytes(), &Default::default()).ok()?.into_iter().next()? {
            ServerEnvelope::Chunk { values, .. } => Some(values[0].backend_id.to_string()),
            _ => None,
        };
    answers.filter_map(page).next().unwrap()
}

/// Plays all clients of a recording to our server, each frame at its time.
fn play(name: &str) -> (BTreeMap<String, Meaning>, BTreeMap<String, Meaning>) {
    let records = capture::read(name);
    let mut store = ModelStore::new(&backend_id(&records));
    let mut served: BTreeMap<String, Served> = BTreeMap::new();
    let (mut ours, mut theirs): (BTreeMap<String, Meaning>, BTreeMap<String, Meaning>) = Default::default();
    let mut head = 0;
    for record in records.iter().filter(|record| !record.conn.is_empty()) {
        let store_id = record.store_id().map(str::to_owned);
        if record.is("c2s", &["http-request"]) {
            served.insert(record.conn.clone(), Served::new(&store_id.unwrap(), NOW));
        } else if record.is("c2s", &["text", "binary"]) {
            let client = served.get_mut(&record.conn).unwrap();
            client.step(ServerInput::Frame(record.body().as_bytes()), &mut store, NOW);
        } else if record.kind == "tcp-close" {
            served.remove(&record.conn);
        } else if record.is("s2c", &["text"]) {
            let envelopes = decode_server_frame(record.body().as_bytes(), &Default::default()).unwrap();
            envelopes.into_iter().for_each(|envelope| theirs.entry(record.conn.clone()).or_default().hear(envelope));
        }
        if store.head() > head {
            head = store.head();
            served.values_mut().for_each(|client| client.step(ServerInput::Moved { head }, &mut store, NOW));
        }
        for (conn, client) in &mut served {
            client.answers().into_iter().for_each(|answer| ours.entry(conn.clone()).or_default().hear(answer));
        }
    }
    for (conn, client) in &served {
        assert_eq!(client.closed, None, "{name} {conn}");
    }
    (ours, theirs)
}

#[test]
fn recorded_clients_are_answered_as_the_recorded_server_did() {
    let names = [
        "ws-01-connect-empty-ping.jsonl",
        "ws-02-push-1.jsonl",
        "ws-03-push-3-one-commit.jsonl",
        "ws-04-push-250-then-fresh-pull.jsonl",
        "ws-05-live-pull-two-clients.jsonl",
        "ws-06-concurrent-push-server-ahead.jsonl",
        "ws-11-drop-and-reconnect.jsonl",
        "ws-13-size-limits.jsonl",
        "ws-15-event-args-edge.jsonl",
        "ws-18-overlap-stalls-client.jsonl",
    ];
    for name in names {
        let (mut ours, mut theirs) = play(name);
        for meaning in ours.values_mut().chain(theirs.values_mut()) {
            // An interrupted pull ends in a tree of its own each time.
            meaning.exits.retain(|_, exit| !matches!(exit, Exit::Failure(cause) if cause.failure().is_none()));
        }
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn recorded_http_requests_are_answered_as_the_recorded_server_did() {
    for name in [
        "http-01-empty-ping-poll.jsonl",
        "http-02-push-1-3-120-and-fresh-pull.jsonl",
        "http-03-concurrent-server-ahead.jsonl",
    ] {
        let records = capture::read(name);
        let mut store = ModelStore::new(&backend_id(&records));
        let (mut ours, mut theirs): (BTreeMap<String, Meaning>, BTreeMap<String, Meaning>) = Default::default();
        let mut clients = BTreeMap::new();
        for record in &records {
            let client = record.conn.split('#').next().unwrap_or_default().to_owned();
            let (meanings, body) = if record.is("c2s", &["http-request"]) {
                clients.insert(record.conn.clone(), client.clone());
                (&mut ours, exchange(record.store_id().unwrap(), record.body().as_bytes(), &mut store))
            } else if record.is("s2c", &["http-response"]) {
                (&mut theirs, record.body())
            } else {
                continue;
            };
            let envelopes = decode_server_frame(body.as_bytes(), &Default::default()).unwrap();
            envelopes.into_iter().for_each(|envelope| meanings.entry(client.clone()).or_default().hear(envelope));
        }
        assert_eq!(ours, theirs, "{name}");
    }
}

/// What our client makes of what a recorded server sent on one connection.
#[derive(Default)]
struct Heard {
    pages: Vec<Page>,
    sent: Vec<String>,
    answers: Vec<ClientOutput>,
    closed: Option<Disconnect>,
}

/// Our client asks what the recorded client asked, by ids of its own.
fn listen(name: &str, conn: &str) -> Heard {
    let mut client = ClientConnection::new(ClientOptions::new("s"));
    let mut heard = Heard::default();
    let mut ids: Vec<(RequestId, RequestId)> = Vec::new();
    heard.step(&mut client, ClientInput::Open);
    for record in capture::read(name).iter().filter(|record| record.conn == conn && record.has_text()) {
        let body = record.body();
        if record.is("c2s", &["text"]) {
            for envelope in decode_client_frame(body.as_bytes(), &Default::default()).unwrap() {
                let ClientEnvelope::Request(request) = envelope else { continue };
                let sent_before = heard.sent.len();
                heard.step(&mut client, input(&request));
                let own = heard.sent[sent_before..].iter().rev().find_map(|sent| request_id(sent));
                ids.extend(own.map(|own| (request.id, own)));
            }
        } else if record.is("s2c", &["text"]) {
            let envelopes = decode_server_frame(body.as_bytes(), &Default::default()).unwrap();
            let own = |id: &mut RequestId| {
                let own = ids.iter().find(|(theirs, _)| theirs == id).map(|(_, own)| own.clone());
                *id = own.unwrap_or_else(|| RequestId::text("of nobody"));
            };
            for mut envelope in envelopes {
                // The recorded client interrupted its pull; ours did not.
                if matches!(&envelope, ServerEnvelope::Exit { exit: Exit::Failure(cause), .. } if cause.failure().is_none())
                {
                    continue;
                }
                match &mut envelope {
                    ServerEnvelope::Chunk { id, .. } | ServerEnvelope::Exit { id, .. } => own(id),
                    ServerEnvelope::Defect(_) | ServerEnvelope::Pong => {}
                }
                heard.step(&mut client, ClientInput::Frame(envelope.encode().as_bytes()));
            }
        }
    }
    heard
}

fn request_id(frame: &str) -> Option<RequestId> {
    match decode_client_frame(frame.as_bytes(), &Default::default()).unwrap().remove(0) {
        ClientEnvelope::Request(request) => Some(request.id),
        _ => None,
    }
}

fn input(request: &Request<'_>) -> ClientInput<'static> {
    let known = |id: Option<Box<str>>| id.map(|id| BackendId::new(id).unwrap());
    match request.call(Transport::WebSocket, &Default::default()).unwrap() {
        Call::Pull(pull) => {
            let (backend_id, after) = pull.cursor.map_or((None, 0), |cursor| (Some(cursor.backend_id), cursor.number));
            ClientInput::Pull { after, backend_id: known(backend_id), live: pull.live.unwrap() }
        }
        Call::Push(push) => ClientInput::Push { backend_id: known(push.backend_id), events: push.batch },
        Call::Ping(_) => ClientInput::Ping,
    }
}

impl Heard {
    fn step(&mut self, client: &mut ClientConnection, input: ClientInput<'_>) {
        let mut outputs = client.step(input, NOW);
        while !outputs.is_empty() {
            let mut more = Vec::new();
            for output in outputs {
                match output {
                    ClientOutput::Send(text) => self.sent.push(text),
                    ClientOutput::Page(page) => {
                        self.pages.push(page);
                        more.extend(client.step(ClientInput::PageTaken, NOW));
                    }
                    ClientOutput::Close(error) => self.closed = Some(error),
                    other => self.answers.push(other),
                }
            }
            outputs = more;
        }
    }

    fn numbers(&self) -> Vec<u64> {
        self.pages.iter().flat_map(|page| &page.events).map(|event| event.number).collect()
    }
}

#[test]
fn recorded_servers_are_understood_gapless_and_once() {
    let check = |name: &str, conn: &str, numbers: std::ops::RangeInclusive<u64>, answers: &[ClientOutput]| {
        let heard = listen(name, conn);
        assert_eq!(heard.closed, None, "{name} {conn}");
        assert_eq!(heard.numbers(), numbers.collect::<Vec<_>>(), "{name} {conn}");
        let answers: Vec<_> = [ClientOutput::Connected].into_iter().chain(answers.iter().cloned()).collect();
        assert_eq!(heard.answers, answers, "{name} {conn}");
    };
    let ahead = |head| ClientOutput::PushRefused(Refusal::ServerAhead { head });
    use ClientOutput::Pushed;
    check("ws-02-push-1.jsonl", "A#1", 1..=1, &[Pushed]);
    check("ws-04-push-250-then-fresh-pull.jsonl", "A#1", 1..=250, &[Pushed, Pushed, Pushed, Pushed, Pushed]);
    check("ws-04-push-250-then-fresh-pull.jsonl", "B#1", 1..=250, &[]);
    check("ws-05-live-pull-two-clients.jsonl", "B#1", 1..=5, &[Pushed]);
    check("ws-06-concurrent-push-server-ahead.jsonl", "A#1", 1..=10, &[ahead(1), ahead(5), Pushed]);
    check("ws-11-drop-and-reconnect.jsonl", "A#2", 3..=7, &[ahead(5), Pushed]);
    check("ws-15-event-args-edge.jsonl", "B#1", 1..=4, &[]);
    // The server sends 16 to 30 twice here, which ended the recorded client's pull.
    check("ws-18-overlap-stalls-client.jsonl", "bob#1", 1..=45, &[ahead(30), Pushed]);
    // Here 4 and 5 come twice; a second pull of the connection takes the place of the first.
    check("raw-initial-pull-overlaps-broadcast.jsonl", "R#1", 1..=6, &[]);
}

#[test]
fn news_that_overtake_the_backlog_are_pulled_again() {
    let heard = listen("ws-14-no-ack.jsonl", "R#2");
    // e201 came between the two pages of the backlog, whose second one said that nothing follows it: our client asks.
    assert_eq!(heard.numbers(), (1..=200).collect::<Vec<_>>());
    let asked = heard.sent.iter().any(|sent| sent.contains(r#""eventSequenceNumber":200}"#));
    let ended = heard.sent.iter().any(|sent| sent == r#"{"_tag":"Interrupt","requestId":"0"}"#);
    assert!(asked && ended, "{:?}", heard.sent);
    // Of the second pull of the recording, at e202, an empty page is all there was.
    assert_eq!(heard.pages.last().map(|page| (page.events.len(), page.info)), Some((0, PageInfo::NoMore)));
    assert_eq!(heard.closed, None);
}

#[test]
fn another_backend_is_told_as_a_page_of_it() {
    let heard = listen("ws-16-backend-replaced-real-client.jsonl", "A#2");
    let [page] = &heard.pages[..] else { panic!("{:?}", heard.pages) };
    assert_eq!(
        (page.backend_id.as_str(), page.events.len(), page.info),
        ("ynFeX2u6qeM338Q9RokUg", 0, PageInfo::NoMore)
    );
    let heard = listen("ws-16-backend-replaced-real-client.jsonl", "A#3");
    let refused = |output: &ClientOutput| matches!(output, ClientOutput::PushRefused(Refusal::OtherBackend { .. }));
    assert!(heard.answers.iter().any(refused), "{:?}", heard.answers);
}
