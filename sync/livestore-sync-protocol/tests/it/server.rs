//! The rules of the server's connection, one by one.

use crate::random::client_frame;
use crate::rng::{Rng, rounds};
use crate::store::{ModelStore, Served, exchange};
use livestore_sync_protocol::{
    Cause, Close, Exit, Failure, LogPage, PageInfo, PushVerdict, RequestId, ServerConnection, ServerEnvelope,
    ServerInput, ServerOptions, ServerOutput,
};
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(100);

fn pull(id: &str, live: bool, after: Option<u64>, whole: bool) -> String {
    let cursor = after.map_or(r#"{"_tag":"None"}"#.to_owned(), |after| {
        format!(r#"{{"_tag":"Some","value":{{"backendId":"b","eventSequenceNumber":{after}}}}}"#)
    });
    let whole = if whole { r#","wholeGroups":true"# } else { "" };
    format!(
        r#"{{"_tag":"Request","id":{id},"tag":"SyncWsRpc.Pull","payload":{{"storeId":"s","live":{live},"cursor":{cursor}{whole}}}}}"#
    )
}

fn event(number: u64) -> String {
    format!(r#"{{"name":"v1.X","seqNum":{number},"parentSeqNum":{},"clientId":"c","sessionId":"s"}}"#, number - 1)
}

fn push(id: &str, events: &str) -> String {
    format!(
        r#"{{"_tag":"Request","id":{id},"tag":"SyncWsRpc.Push","payload":{{"storeId":"s","batch":[{events}],"backendId":{{"_tag":"None"}}}}}}"#
    )
}

fn ack(id: &str) -> String {
    format!(r#"{{"_tag":"Ack","requestId":{id}}}"#)
}

struct Test {
    store: ModelStore,
    served: Served,
    now: Duration,
}

impl Test {
    fn new() -> Self {
        Self { store: ModelStore::new("b"), served: Served::new("s", NOW), now: NOW }
    }

    fn with_log(events: u64) -> Self {
        let mut test = Self::new();
        (0..events).for_each(|_| test.store.append("v1.X", None));
        test
    }

    /// The answers as one word each: `3..5!` is a chunk that nothing follows, `1+9` one that 9 events follow, `Ok 1` an exit.
    fn says(&mut self, frame: &str) -> String {
        self.served.step(ServerInput::Frame(frame.as_bytes()), &mut self.store, self.now);
        self.answers()
    }

    fn moved(&mut self) -> String {
        let head = self.store.head();
        self.served.step(ServerInput::Moved { head }, &mut self.store, self.now);
        self.answers()
    }

    fn after(&mut self, wait: Duration) -> String {
        self.now += wait;
        self.served.step(ServerInput::Tick, &mut self.store, self.now);
        self.answers()
    }

    fn answers(&mut self) -> String {
        let mut words: Vec<_> = self.served.answers().iter().map(word).collect();
        words.extend(self.served.closed.map(|code| format!("close {code}")));
        words.join(", ")
    }
}

fn word(envelope: &ServerEnvelope) -> String {
    match envelope {
        ServerEnvelope::Pong => "pong".into(),
        ServerEnvelope::Defect(_) => "defect".into(),
        ServerEnvelope::Chunk { values, .. } => {
            let numbers: Vec<_> = values[0].batch.iter().map(|pulled| pulled.event.number).collect();
            let events = match &numbers[..] {
                [] => String::new(),
                [one] => one.to_string(),
                [first, .., last] => format!("{first}..{last}"),
            };
            match values[0].page_info {
                PageInfo::NoMore => format!("{events}!"),
                PageInfo::MoreKnown { remaining } => format!("{events}+{remaining}"),
                PageInfo::MoreUnknown => format!("{events}+"),
            }
        }
        ServerEnvelope::Exit { id, exit: Exit::Success(_) } => format!("ok {id}"),
        ServerEnvelope::Exit { id, exit: Exit::Failure(cause) } => match (cause, cause.failure()) {
            (_, Some(Failure::ServerAhead { head, .. })) => format!("ahead {head} {id}"),
            (_, Some(Failure::BackendIdMismatch { .. })) => format!("mismatch {id}"),
            (_, Some(Failure::Unknown { rejected: Some(rejection), .. })) => {
                format!("rejected {} {id}", rejection.number)
            }
            (_, Some(failure)) => format!("failed {id}: {}", failure.message()),
            (Cause::Die(defect), None) => format!("die {id}: {}", defect.text()),
            (_, None) => format!("interrupted {id}"),
        },
    }
}

#[test]
fn an_empty_pull_is_one_empty_page() {
    let mut test = Test::new();
    assert_eq!(test.says(&pull("\"0\"", true, None, false)), "!");
    assert_eq!(test.says(&ack("\"0\"")), "");
    assert_eq!(test.moved(), "");
}

#[test]
fn a_pull_that_is_not_live_ends_after_its_last_ack() {
    let mut test = Test::with_log(150);
    assert_eq!(test.says(&pull("\"0\"", false, None, false)), "1..100+50");
    assert_eq!(test.says(&ack("\"0\"")), "101..150!");
    assert_eq!(test.moved(), "");
    assert_eq!(test.says(&ack("\"0\"")), "ok 0");
    assert_eq!(test.says(&ack("\"0\"")), "", "it is over");
}

#[test]
fn backlog_and_news_come_from_one_cursor() {
    let mut test = Test::with_log(120);
    assert_eq!(test.says(&pull("\"0\"", true, Some(10), false)), "11..110+10");
    test.store.append("v1.X", None);
    assert_eq!(test.moved(), "", "a chunk is under way");
    assert_eq!(test.says(&ack("\"0\"")), "111..121!");
    test.store.append("v1.X", None);
    assert_eq!(test.moved(), "");
    assert_eq!(test.says(&ack("\"0\"")), "122!");
    assert_eq!(test.says(&ack("\"0\"")), "");
    test.store.append("v1.X", None);
    assert_eq!(test.moved(), "123!", "nothing was under way");
}

#[test]
fn an_ack_of_nothing_asks_for_nothing() {
    let mut connection = ServerConnection::new("s", ServerOptions::default(), NOW);
    let outputs = connection.step(ServerInput::Frame(pull("\"0\"", true, None, false).as_bytes()), NOW);
    assert!(matches!(outputs[..], [ServerOutput::Read(_)]));
    assert_eq!(connection.step(ServerInput::Frame(ack("\"0\"").as_bytes()), NOW), [], "the store was asked already");
}

#[test]
fn the_end_of_a_push_follows_its_events() {
    let mut test = Test::new();
    test.says(&pull("\"0\"", true, None, false));
    // The first page is not acknowledged: the events are next in line.
    assert_eq!(test.says(&push("\"1\"", &event(1))), "ok 1");
    assert_eq!(test.says(&ack("\"0\"")), "1!");
    test.says(&ack("\"0\""));
    assert_eq!(test.says(&push("\"2\"", &event(2))), "2!, ok 2");
    assert_eq!(test.says(r#"{"_tag":"Interrupt","requestId":"2"}"#), "", "as clients do for every push");
}

#[test]
fn a_push_that_is_behind_is_followed_by_what_it_lacks() {
    let mut test = Test::new();
    test.says(&pull("\"0\"", true, None, false));
    test.says(&ack("\"0\""));
    test.store.append("v1.X", None);
    // Nobody said that the log grew; the refusal does.
    assert_eq!(test.says(&push("\"1\"", &event(1))), "ahead 1 1, 1!");
}

#[test]
fn refusals_have_their_kinds() {
    let mut test = Test::new();
    test.says(&pull("\"0\"", true, None, false));
    assert_eq!(test.says(&push("\"1\"", "")), "ok 1");
    let gap = format!("{},{}", event(1), event(3));
    assert_eq!(test.says(&push("\"2\"", &gap)), "failed 2: e3 of a push has the parent e2 where e1 comes before it");
    let large = event(1).replace(r#""v1.X""#, &format!(r#""v1.X","args":"{}""#, "x".repeat(900_000)));
    assert_eq!(test.says(&push("\"3\"", &large)), "rejected 1 3");
    let many: Vec<_> = (1..=101).map(event).collect();
    assert_eq!(
        test.says(&push("\"4\"", &many.join(","))),
        "failed 4: a push of 101 events, at most 100, or one commit group of 1000"
    );
    let other = push("\"5\"", &event(1)).replace(r#"{"_tag":"None"}"#, r#"{"_tag":"Some","value":"x'y"}"#);
    assert_eq!(test.says(&other), "mismatch 5");
    test.store.refuses = Some("no".into());
    assert_eq!(test.says(&push("\"6\"", &event(1))), "failed 6: no");
    assert_eq!(test.says(&pull("\"7\"", true, Some(0), false).replace(":\"b\"", ":\"c\"")), "mismatch 7");
}

#[test]
fn what_is_no_call_ends_that_request_alone() {
    let mut test = Test::new();
    let nope = r#"{"_tag":"Request","id":"0","tag":"SyncWsRpc.Nope","payload":{"storeId":"s"}}"#;
    assert_eq!(test.says(nope), r#"die 0: "unknown request tag: SyncWsRpc.Nope""#);
    let other = pull("\"1\"", true, None, false).replace(r#""storeId":"s""#, r#""storeId":"t""#);
    assert_eq!(test.says(&other), r#"die 1: "another store than the connection's""#);
    assert!(test.says(r#"{"_tag":"Request","id":"2","tag":"SyncWsRpc.Pull"}"#).starts_with("die 2: "));
    assert_eq!(
        test.says(r#"[{"_tag":"Ack","requestId":"77"},{"_tag":"Interrupt","requestId":"77"},{"_tag":"Ping"}]"#),
        "pong"
    );
    assert_eq!(test.says(r#"{"_tag":"Eof"}"#), "");
}

#[test]
fn what_is_no_frame_closes_the_connection() {
    for (frame, code) in
        [("hello", Close::BAD_DATA), (r#"{"_tag":"Wat"}"#, Close::PROTOCOL), ("\u{0}", Close::BAD_DATA)]
    {
        let mut test = Test::new();
        assert_eq!(test.says(frame), format!("close {code}"));
        assert_eq!(test.served.connection.deadline(), None);
        assert_eq!(test.served.connection.step(ServerInput::Frame(br#"{"_tag":"Ping"}"#), NOW), []);
    }
    let mut test = Test::new();
    test.says(&pull("\"0\"", true, None, false));
    assert_eq!(test.says(&pull("\"0\"", true, None, false)), "close 1002", "an id that runs already");
}

#[test]
fn a_number_as_id_speaks_the_other_dialect() {
    let mut test = Test::new();
    test.store.append("v1.X", None);
    test.served.step(ServerInput::Frame(pull("0", true, None, false).as_bytes()), &mut test.store, NOW);
    let chunk = test.served.sent.remove(0);
    assert!(
        chunk.starts_with(
            r#"{"_tag":"Chunk","requestId":0,"values":[{"batch":[{"eventEncoded":{"name":"v1.X","args":null,"#
        ),
        "{chunk}"
    );
    test.served.step(ServerInput::Frame(push("1", &event(9)).as_bytes()), &mut test.store, NOW);
    let exit = test.served.sent.remove(0);
    assert!(
        exit.contains(
            r#""cause":[{"_tag":"Fail","error":{"_tag":"ServerAheadError","minimumExpectedNum":1,"providedNum":8}}]"#
        ),
        "{exit}"
    );
}

#[test]
fn a_connection_without_a_pull_is_closed() {
    let mut test = Test::new();
    assert_eq!(test.served.connection.deadline(), Some(NOW + Duration::from_secs(3)));
    assert_eq!(test.says(r#"{"_tag":"Ping"}"#), "pong");
    assert_eq!(test.after(Duration::from_millis(2_999)), "");
    assert_eq!(test.after(Duration::from_millis(1)), "close 1008");
    let mut test = Test::new();
    test.says(&pull("\"0\"", true, None, false));
    assert_eq!(test.after(Duration::from_secs(30)), "");
    assert_eq!(test.says(r#"{"_tag":"Interrupt","requestId":"0"}"#), "interrupted 0");
    assert_eq!(test.after(Duration::from_secs(3)), "close 1008", "its only live pull is over");
}

#[test]
fn silence_and_a_silent_store_close_it() {
    let mut test = Test::new();
    test.says(&pull("\"0\"", true, None, false));
    assert_eq!(test.after(Duration::from_secs(60)), "close 1008");
    let mut connection = ServerConnection::new("s", ServerOptions::default(), NOW);
    connection.step(ServerInput::Frame(pull("\"0\"", true, None, false).as_bytes()), NOW);
    let deadline = connection.deadline().unwrap();
    assert_eq!(deadline, NOW + Duration::from_secs(30));
    // A ping is answered while the store says nothing.
    let pong = connection.step(ServerInput::Frame(br#"{"_tag":"Ping"}"#), deadline - Duration::from_millis(1));
    assert_eq!(pong, [ServerOutput::Send(r#"{"_tag":"Pong"}"#.into())]);
    let outputs = connection.step(ServerInput::Tick, deadline);
    assert_eq!(outputs, [ServerOutput::Close(Close::new(Close::INTERNAL, "the store does not answer"))]);
}

#[test]
fn groups_stay_whole() {
    let mut test = Test::new();
    for rest in (0..60).rev().chain((0..60).rev()).chain((0..150).rev()) {
        test.store.append("v1.X", Some(rest));
    }
    assert_eq!(test.says(&pull("\"0\"", true, None, true)), "1..60+210");
    assert_eq!(test.says(&ack("\"0\"")), "61..120+150");
    assert_eq!(test.says(&ack("\"0\"")), "121..270!", "a large group is a page of its own");
    let mut test = Test { store: test.store, ..Test::new() };
    // And for others, unless they are larger than a page.
    assert_eq!(test.says(&pull("\"0\"", true, None, false)), "1..60+210");
    assert_eq!(test.says(&ack("\"0\"")), "61..120+150");
    assert_eq!(test.says(&ack("\"0\"")), "121..220+50");
    assert_eq!(test.says(&ack("\"0\"")), "221..270!");
}

#[test]
fn a_log_with_a_gap_closes_rather_than_stalls() {
    let test = Test::with_log(3);
    let mut connection = ServerConnection::new("s", ServerOptions::default(), NOW);
    let outputs = connection.step(ServerInput::Frame(pull("\"0\"", true, None, false).as_bytes()), NOW);
    let [ServerOutput::Read(read)] = outputs[..] else { panic!("{outputs:?}") };
    let events = [test.store.log[0].clone(), test.store.log[2].clone()];
    let page = LogPage { key: read.key, backend_id: &test.store.backend_id, head: 3, events: &events };
    let outputs = connection.step(ServerInput::Page(page), NOW);
    assert_eq!(outputs, [ServerOutput::Close(Close::new(Close::INTERNAL, "the log has e3 where e2 comes next"))]);
}

#[test]
fn a_client_beyond_the_log_hears_the_head_and_no_more() {
    let mut test = Test::with_log(3);
    assert_eq!(test.says(&pull("\"0\"", true, Some(5), false)), "!");
    test.says(&ack("\"0\""));
    (0..5).for_each(|_| test.store.append("v1.X", None));
    assert_eq!(test.moved(), "");
}

/// W2: any valid message in any state has a defined answer. Whatever happens, pulls get the log in order and once, live ones never
/// end unless the client asked, every push is answered once, and no frame follows the close.
#[test]
fn any_order_of_messages_keeps_the_rules() {
    let mut rng = Rng::seeded();
    for _ in 0..rounds(300, 10_000) {
        walk(&mut rng);
    }
}

fn walk(rng: &mut Rng) {
    let mut store = ModelStore::new("b");
    let mut connection = ServerConnection::new("s", ServerOptions::default(), NOW);
    let (mut now, mut next) = (NOW, 0);
    let mut waiting: Vec<ServerOutput> = Vec::new();
    // Whether a frame came whose ids are not known here.
    let mut strange = false;
    let mut pulled: BTreeMap<RequestId, u64> = BTreeMap::new();
    // How each request may end: a live pull in no way.
    let mut running: BTreeMap<RequestId, bool> = BTreeMap::new();
    for _ in 0..60 {
        let frame;
        let backend_id = store.backend_id.clone();
        let events;
        let input = match rng.below(12) {
            0..=2 => {
                let id = format!("\"{next}\"");
                next += 1;
                let (is_pull, live) = (rng.one_in(3), !rng.one_in(3));
                running.insert(RequestId::text(id.trim_matches('"')), is_pull && live);
                frame = if is_pull {
                    pull(&id, live, None, rng.one_in(2))
                } else {
                    push(&id, &event(store.head() + 1 + u64::from(rng.one_in(4))))
                };
                ServerInput::Frame(frame.as_bytes())
            }
            3 | 4 => {
                let id = rng.below(next + 1);
                let tag = if rng.one_in(5) { "Interrupt" } else { "Ack" };
                if tag == "Interrupt" {
                    running.entry(RequestId::text(id.to_string())).and_modify(|is_live| *is_live = false);
                }
                frame = format!(r#"{{"_tag":"{tag}","requestId":"{id}"}}"#);
                ServerInput::Frame(frame.as_bytes())
            }
            5 if rng.one_in(10) => {
                strange = true;
                frame = client_frame(rng);
                ServerInput::Frame(frame.as_bytes())
            }
            6 => {
                store.append("v1.Y", None);
                ServerInput::Moved { head: store.head() }
            }
            7 => {
                now += Duration::from_millis(u64::try_from(rng.below(600)).unwrap());
                ServerInput::Tick
            }
            _ if waiting.is_empty() => ServerInput::Tick,
            _ => match waiting.remove(rng.below(waiting.len())) {
                ServerOutput::Read(read) => {
                    events = store.read(&read);
                    let head = store.head();
                    ServerInput::Page(LogPage { key: read.key, backend_id: &backend_id, head, events: &events })
                }
                ServerOutput::Push(push) => {
                    let verdict = store.push(&push);
                    assert_ne!(verdict, PushVerdict::Accepted { head: 0 });
                    ServerInput::Pushed { key: push.key, verdict }
                }
                output => panic!("{output:?}"),
            },
        };
        for output in connection.step(input, now) {
            match output {
                ServerOutput::Send(text) => {
                    let envelopes = livestore_sync_protocol::decode_server_frame(text.as_bytes(), &Default::default());
                    for envelope in envelopes.unwrap() {
                        match envelope {
                            ServerEnvelope::Chunk { id, values } => {
                                let after = pulled.entry(id).or_default();
                                for pulled in &values[0].batch {
                                    assert_eq!(pulled.event.number, *after + 1);
                                    *after += 1;
                                }
                            }
                            ServerEnvelope::Exit { id, .. } if !strange => {
                                assert_eq!(
                                    running.remove(&id),
                                    Some(false),
                                    "{id} ends once, and no live pull by itself"
                                );
                            }
                            ServerEnvelope::Exit { .. } => {}
                            ServerEnvelope::Defect(_) => panic!("{text}"),
                            ServerEnvelope::Pong => {}
                        }
                    }
                }
                ServerOutput::Close(_) => assert!(connection.is_closed()),
                asked => waiting.push(asked),
            }
        }
        assert_eq!(connection.deadline().is_none(), connection.is_closed());
    }
}

#[test]
fn a_cursor_behind_the_end_is_answered_with_the_end_over_http_too() {
    let mut store = ModelStore::new("b");
    let push = push("\"0\"", &event(1)).replace("SyncWsRpc", "SyncHttpRpc");
    exchange("s", push.as_bytes(), &mut store);
    let pull = pull("\"1\"", false, Some(999), true).replace("SyncWsRpc", "SyncHttpRpc");
    let answer = exchange("s", pull.as_bytes(), &mut store);
    assert!(answer.contains(r#""batch":[]"#) && answer.contains(r#""head":1}"#), "{answer}");
}
