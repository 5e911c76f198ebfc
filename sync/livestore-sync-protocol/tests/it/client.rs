//! The rules of the client's connection, one by one.

use livestore_sync_protocol::{
    BackendId, Call, Capabilities, Cause, ClientConnection, ClientEnvelope, ClientInput, ClientOptions, ClientOutput,
    Close, Disconnect, Event, EventId, Exit, Failure, PageInfo, PullResponse, PulledEvent, RawJson, Refusal, RequestId,
    ServerEnvelope, Transport, decode_client_frame,
};
use std::ops::RangeInclusive;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(100);

struct Test {
    client: ClientConnection,
    now: Duration,
}

fn event(number: u64) -> Event {
    Event {
        name: "v1.X".into(),
        args: None,
        number,
        parent: number - 1,
        client_id: "c".into(),
        session_id: "s".into(),
        id: Some(EventId([1; 16])),
        rest: Some(0),
    }
}

fn backend(id: &str) -> BackendId {
    BackendId::new(id).unwrap()
}

fn chunk(id: &str, numbers: RangeInclusive<u64>, page_info: PageInfo, identity: bool) -> ServerEnvelope {
    let batch = numbers.map(|number| PulledEvent { event: event(number), created_at: None }).collect();
    let capabilities = identity.then_some(Capabilities { identity: true, head: None });
    let values = vec![PullResponse { batch, page_info, backend_id: backend("b"), capabilities }];
    ServerEnvelope::Chunk { id: RequestId::text(id), values }
}

fn exit(id: &str, exit: Exit) -> ServerEnvelope {
    ServerEnvelope::Exit { id: RequestId::text(id), exit }
}

fn failed(id: &str, failure: Failure) -> ServerEnvelope {
    exit(id, Exit::Failure(Cause::Fail(failure)))
}

/// What was said in one word each.
fn words(outputs: Vec<ClientOutput>) -> String {
    let words: Vec<_> = outputs.into_iter().map(word).collect();
    words.join(", ")
}

fn word(output: ClientOutput) -> String {
    match output {
        ClientOutput::Send(frame) => sent(&frame),
        ClientOutput::Page(page) => {
            let numbers: Vec<_> = page.events.iter().map(|event| event.number).collect();
            let events = match (numbers.first(), numbers.last()) {
                (Some(first), Some(last)) => format!("{first}..{last}"),
                _ => "none".into(),
            };
            let ids = if page.events.iter().any(|event| event.id.is_some()) { " with ids" } else { "" };
            format!("page {events} of {}{ids} {}", page.backend_id, info(page.info))
        }
        ClientOutput::PushRefused(Refusal::Busy { reason }) => format!("busy: {reason}"),
        ClientOutput::Close(error) => format!("close: {error}"),
        other => format!("{other:?}"),
    }
}

fn info(info: PageInfo) -> String {
    match info {
        PageInfo::NoMore => "!".into(),
        PageInfo::MoreKnown { remaining } => format!("+{remaining}"),
        PageInfo::MoreUnknown => "+".into(),
    }
}

fn sent(frame: &str) -> String {
    let limits = Default::default();
    match &decode_client_frame(frame.as_bytes(), &limits).unwrap()[..] {
        [ClientEnvelope::Ack(id)] => format!("ack {id}"),
        [ClientEnvelope::Interrupt(id)] => format!("interrupt {id}"),
        [ClientEnvelope::Ping] => "ping".into(),
        [ClientEnvelope::Request(request)] => match request.call(Transport::WebSocket, &limits).unwrap() {
            Call::Pull(pull) => {
                let cursor = pull.cursor.map(|cursor| format!(" {}/{}", cursor.backend_id, cursor.number));
                format!("pull {}{}", request.id, cursor.unwrap_or_default())
            }
            Call::Push(push) => {
                let ids = if push.batch.iter().any(|event| event.id.is_some()) { " with ids" } else { "" };
                format!("push {} of {}{ids}", request.id, push.batch.len())
            }
            Call::Ping(_) => "ping?".into(),
        },
        other => panic!("{other:?}"),
    }
}

impl Test {
    fn new() -> Self {
        Self { client: ClientConnection::new(ClientOptions::new("s")), now: NOW }
    }

    fn open() -> Self {
        let mut test = Self::new();
        assert_eq!(test.tell(ClientInput::Open), "ping, Connected");
        test
    }

    /// With a live pull that has its first page.
    fn pulling(first: RangeInclusive<u64>, page_info: PageInfo) -> Self {
        let mut test = Self::open();
        assert_eq!(test.pull(0), "pull 0");
        test.hear(&chunk("0", first, page_info, true));
        assert_eq!(test.tell(ClientInput::PageTaken), "ack 0");
        test
    }

    fn tell(&mut self, input: ClientInput<'_>) -> String {
        words(self.client.step(input, self.now))
    }

    fn pull(&mut self, after: u64) -> String {
        let backend_id = (after > 0).then(|| backend("b"));
        self.tell(ClientInput::Pull { after, backend_id, live: true })
    }

    fn push(&mut self, events: RangeInclusive<u64>) -> String {
        let events = events.map(event).collect();
        self.tell(ClientInput::Push { backend_id: None, events })
    }

    fn hear(&mut self, envelope: &ServerEnvelope) -> String {
        self.tell(ClientInput::Frame(envelope.encode().as_bytes()))
    }

    fn after(&mut self, wait: Duration) -> String {
        self.now += wait;
        self.tell(ClientInput::Tick)
    }
}

const NONE: PageInfo = PageInfo::NoMore;

#[test]
#[allow(clippy::reversed_empty_ranges)] // An empty page.
fn pages_are_acknowledged_when_they_are_taken() {
    let mut test = Test::open();
    assert_eq!(test.pull(0), "pull 0");
    let more = PageInfo::MoreKnown { remaining: 50 };
    assert_eq!(test.hear(&chunk("0", 1..=100, more, true)), "page 1..100 of b with ids +50");
    assert_eq!(test.tell(ClientInput::PageTaken), "ack 0");
    assert_eq!(test.hear(&chunk("0", 101..=150, NONE, true)), "page 101..150 of b with ids !");
    assert_eq!(test.tell(ClientInput::PageTaken), "ack 0");
    assert_eq!(test.tell(ClientInput::PageTaken), "", "there is none");
    let mut test = Test::open();
    test.pull(7);
    assert_eq!(test.hear(&chunk("0", 1..=0, NONE, false)), "page none of b !");
}

#[test]
fn what_came_already_is_left_out() {
    let mut test = Test::pulling(1..=3, NONE);
    assert_eq!(test.hear(&chunk("0", 1..=3, NONE, true)), "ack 0");
    assert_eq!(test.hear(&chunk("0", 2..=5, NONE, true)), "page 4..5 of b with ids !");
}

#[test]
fn a_gap_is_pulled_again_from_the_head() {
    let mut test = Test::pulling(1..=3, NONE);
    assert_eq!(test.hear(&chunk("0", 6..=7, NONE, true)), "interrupt 0, pull 1 b/3");
    assert_eq!(test.hear(&chunk("0", 4..=5, NONE, true)), "", "of the pull that was given up");
    assert_eq!(test.hear(&chunk("1", 4..=7, NONE, true)), "page 4..7 of b with ids !");
}

#[test]
fn news_ahead_of_the_backlog_wait() {
    let mut test = Test::pulling(1..=3, PageInfo::MoreKnown { remaining: 3 });
    assert_eq!(test.hear(&chunk("0", 7..=7, NONE, true)), "ack 0");
    assert_eq!(test.hear(&chunk("0", 4..=6, PageInfo::MoreKnown { remaining: 1 }, true)), "page 4..6 of b with ids +1");
    test.tell(ClientInput::PageTaken);
    assert_eq!(test.hear(&chunk("0", 7..=7, NONE, true)), "page 7..7 of b with ids !");
    // And where the backlog ends without them, they are asked for.
    let mut test = Test::pulling(1..=3, PageInfo::MoreKnown { remaining: 3 });
    test.hear(&chunk("0", 7..=7, NONE, true));
    let again = test.hear(&chunk("0", 4..=6, NONE, true));
    assert_eq!(again, "page 4..6 of b with ids +1, interrupt 0, pull 1 b/6");
}

#[test]
fn gaps_without_end_are_no_protocol() {
    let mut test = Test::pulling(1..=3, NONE);
    test.hear(&chunk("0", 9..=9, NONE, true));
    let mut answers = Vec::new();
    for id in 1..6 {
        test.hear(&chunk(&id.to_string(), 1..=3, NONE, true));
        answers.push(test.client.is_closed());
    }
    assert_eq!(answers.iter().filter(|is_closed| !**is_closed).count(), 2, "{answers:?}");
}

#[test]
fn a_new_pull_ends_the_one_before() {
    let mut test = Test::pulling(1..=3, NONE);
    assert_eq!(test.pull(3), "interrupt 0, pull 1 b/3");
    assert_eq!(test.hear(&exit("0", Exit::Failure(Cause::Interrupt(None)))), "");
    assert_eq!(test.hear(&chunk("1", 4..=4, NONE, false)), "page 4..4 of b !");
}

/// As sync-cf 0.4.0 has it: news go to every pull whose end was not sent.
#[test]
fn a_pull_that_is_not_live_brings_nothing_after_its_last_page() {
    let mut test = Test::open();
    test.tell(ClientInput::Pull { after: 0, backend_id: None, live: false });
    test.hear(&chunk("0", 1..=3, NONE, false));
    assert_eq!(test.hear(&chunk("0", 4..=4, NONE, false)), "ack 0");
    assert_eq!(test.tell(ClientInput::PageTaken), "ack 0");
    assert_eq!(test.hear(&exit("0", Exit::pulled())), "");
}

#[test]
fn an_unknown_backend_is_pulled_from_its_start() {
    let mut test = Test::open();
    assert_eq!(test.tell(ClientInput::Pull { after: 2, backend_id: None, live: true }), "pull 0");
    assert_eq!(test.hear(&chunk("0", 1..=3, NONE, true)), "page 3..3 of b with ids !");
}

#[test]
fn another_backend_comes_without_events() {
    let mut test = Test::open();
    test.tell(ClientInput::Pull { after: 2, backend_id: Some(backend("a")), live: true });
    assert_eq!(test.hear(&chunk("0", 3..=9, NONE, true)), "page none of b !");
    let mut test = Test::open();
    test.tell(ClientInput::Pull { after: 2, backend_id: Some(backend("a")), live: true });
    let mismatch = Failure::BackendIdMismatch { expected: "b".into(), received: "a".into() };
    assert_eq!(test.hear(&failed("0", mismatch)), "page none of b !");
    let mut test = Test::open();
    test.pull(0);
    let hostile = Failure::BackendIdMismatch { expected: "'; drop table eventlog; --".into(), received: "a".into() };
    assert!(
        test.hear(&failed("0", hostile)).starts_with("close: the server broke the protocol: a malformed backend id")
    );
}

#[test]
fn a_live_pull_that_ends_ends_the_connection() {
    for (end, says) in [
        (exit("0", Exit::pulled()), "close: offline: the server ended the live pull"),
        (failed("0", Failure::unknown("busy")), "close: offline: busy"),
        (exit("0", Exit::Failure(Cause::die("bad"))), r#"close: the server broke the protocol: \"bad\""#),
        (ServerEnvelope::Defect(RawJson::of(&1)), "close: the server broke the protocol: 1"),
    ] {
        let mut test = Test::pulling(1..=3, NONE);
        assert_eq!(test.hear(&end), says);
        assert_eq!(test.hear(&ServerEnvelope::Pong), "");
        assert_eq!(test.client.deadline(), None);
    }
    let mut test = Test::open();
    test.tell(ClientInput::Pull { after: 0, backend_id: None, live: false });
    test.hear(&chunk("0", 1..=3, NONE, true));
    assert_eq!(test.hear(&exit("0", Exit::pulled())), "", "one that is not live ends");
    assert_eq!(test.hear(&chunk("0", 4..=4, NONE, true)), "", "and the server may not know");
}

#[test]
fn pushes_are_answered_one_by_one() {
    let mut test = Test::pulling(1..=3, NONE);
    assert_eq!(test.push(4..=5), "push 1 of 2 with ids");
    assert_eq!(test.push(6..=6), "busy: the push before is not answered yet");
    assert_eq!(test.hear(&exit("1", Exit::pushed())), "Pushed");
    assert_eq!(test.hear(&exit("1", Exit::pushed())), "", "it was answered");
    for (failure, says) in [
        (Failure::ServerAhead { head: 9, provided: 5 }, "PushRefused(ServerAhead { head: 9 })"),
        (Failure::rejected(6, "no"), "PushRefused(Rejected { number: 6, reason: \"no\" })"),
        (Failure::unknown("later"), "busy: later"),
        (Failure::Other(RawJson::of(&1)), "busy: 1"),
    ] {
        let id = test.push(6..=6).split(' ').nth(1).unwrap().to_owned();
        assert_eq!(test.hear(&failed(&id, failure)), says);
    }
}

#[test]
fn a_server_without_groups_gets_small_pushes() {
    let mut test = Test::open();
    test.pull(0);
    test.hear(&chunk("0", 1..=1, NONE, false));
    assert_eq!(test.push(2..=251), "push 1 of 100");
    assert_eq!(test.hear(&exit("1", Exit::pushed())), "push 2 of 100");
    assert_eq!(test.hear(&exit("2", Exit::pushed())), "push 3 of 50");
    assert_eq!(test.hear(&exit("3", Exit::pushed())), "Pushed");
    test.push(252..=400);
    let ahead = Failure::ServerAhead { head: 252, provided: 251 };
    assert_eq!(test.hear(&failed("4", ahead)), "PushRefused(ServerAhead { head: 252 })", "the rest is not sent");
    // One that does keeps them together.
    let mut test = Test::pulling(1..=1, NONE);
    let group = (0..250).map(|index| Event { rest: Some(249 - index), ..event(u64::from(index) + 2) }).collect();
    assert_eq!(test.tell(ClientInput::Push { backend_id: None, events: group }), "push 1 of 250 with ids");
}

#[test]
fn an_event_that_fits_nowhere_is_not_sent() {
    let mut test = Test::pulling(1..=1, NONE);
    let large = |bytes: usize| {
        let mut large = event(3);
        let others = large.json_bytes() + r#""args":"","#.len();
        large.args = Some(RawJson::new(format!("\"{}\"", "x".repeat(bytes - others))).unwrap());
        assert_eq!(large.json_bytes(), bytes);
        vec![event(2), large]
    };
    let refused = test.tell(ClientInput::Push { backend_id: None, events: large(900_001) });
    assert!(refused.starts_with("PushRefused(Rejected { number: 3, reason: \"e3 has 900001 bytes"), "{refused}");
    let sent = test.tell(ClientInput::Push { backend_id: None, events: large(900_000) });
    assert_eq!(sent, "push 1 of 1 with ids");
    assert_eq!(test.hear(&exit("1", Exit::pushed())), "push 2 of 1 with ids");
}

#[test]
fn silence_ends_the_connection() {
    let mut test = Test::open();
    assert_eq!(test.client.deadline(), Some(NOW + Duration::from_secs(10)));
    assert_eq!(test.after(Duration::from_secs(10)), "close: offline: the server does not answer a ping");
    let mut test = Test::open();
    for _ in 0..5 {
        assert_eq!(test.hear(&ServerEnvelope::Pong), "");
        assert_eq!(test.after(Duration::from_secs(10)), "ping");
    }
    // Any frame is a sign of life.
    test.hear(&chunk("77", 1..=1, NONE, false));
    assert_eq!(test.after(Duration::from_millis(9_999)), "");
    let mut test = Test::open();
    test.pull(0);
    test.hear(&ServerEnvelope::Pong);
    test.after(Duration::from_secs(10));
    test.hear(&ServerEnvelope::Pong);
    assert_eq!(test.after(Duration::from_secs(10)), "close: offline: the server does not answer a pull");
    let mut test = Test::pulling(1..=1, NONE);
    test.push(2..=2);
    test.after(Duration::from_secs(10));
    test.hear(&ServerEnvelope::Pong);
    assert_eq!(test.after(Duration::from_secs(10)), "close: offline: the server does not answer a push");
    let mut test = Test::pulling(1..=1, NONE);
    for _ in 0..10 {
        test.after(Duration::from_secs(10));
        assert_eq!(test.hear(&ServerEnvelope::Pong), "", "a live pull may be quiet");
    }
}

#[test]
fn a_frame_that_moves_is_waited_for() {
    let seven = Duration::from_secs(7);
    for is_push in [false, true] {
        let mut test = Test::pulling(1..=1, PageInfo::MoreKnown { remaining: 1 });
        if is_push {
            test.push(2..=2);
        }
        // The answer to the ping is behind it.
        for _ in 0..20 {
            let said = test.after(seven);
            assert!(["", "ping"].contains(&&*said), "{said}");
            assert_eq!(test.tell(ClientInput::Moving), "");
        }
        // It stands still.
        let end = (0..3).map(|_| test.after(seven)).find(|said| said.starts_with("close"));
        assert!(end.is_some_and(|end| end.contains("does not answer")));
    }
}

#[test]
fn a_page_that_nobody_takes_is_not_the_servers_fault() {
    let mut test = Test::open();
    test.pull(0);
    test.hear(&chunk("0", 1..=3, PageInfo::MoreKnown { remaining: 1 }, true));
    for _ in 0..10 {
        test.after(Duration::from_secs(10));
        assert_eq!(test.hear(&ServerEnvelope::Pong), "");
    }
    assert_eq!(test.tell(ClientInput::PageTaken), "ack 0");
}

#[test]
fn a_pull_begun_anew_has_its_time_after_the_last_page_is_taken() {
    let mut test = Test::open();
    test.pull(0);
    test.hear(&chunk("0", 1..=3, NONE, true));
    assert_eq!(test.pull(3), "interrupt 0, pull 1 b/3");
    for _ in 0..10 {
        test.after(Duration::from_secs(10));
        test.hear(&ServerEnvelope::Pong);
    }
    assert_eq!(test.tell(ClientInput::PageTaken), "", "of the pull before");
    assert_eq!(test.after(Duration::from_millis(9_999)), "");
    assert_eq!(test.after(Duration::from_millis(1)), "ping");
    test.hear(&ServerEnvelope::Pong);
    assert_eq!(test.after(Duration::from_secs(10)), "close: offline: the server does not answer a pull");
}

#[test]
fn a_server_that_does_not_wait_for_acks_is_bounded() {
    let mut test = Test::open();
    test.pull(0);
    let flood = (1..=40).map(|number| test.hear(&chunk("0", number..=number, NONE, true)));
    let flood: Vec<_> = flood.filter(|said| !said.is_empty()).collect();
    assert_eq!(flood.len(), 33);
    assert_eq!(flood[32], "close: offline: 32 pages came without waiting for an ack");
}

#[test]
fn pings_are_answered_by_pongs() {
    let mut test = Test::open();
    assert_eq!(test.hear(&ServerEnvelope::Pong), "", "nobody asked");
    assert_eq!(test.tell(ClientInput::Ping), "ping");
    assert_eq!(test.hear(&ServerEnvelope::Pong), "Pong");
}

#[test]
fn the_codes_of_closing_have_meanings() {
    let close = |code| Test::open().tell(ClientInput::Closed { code, reason: "so".into() });
    assert_eq!(close(None), "close: offline: so");
    assert_eq!(close(Some(Close::GOING_AWAY)), "close: offline: closed with code 1001: so");
    assert_eq!(close(Some(Close::UNAUTHORIZED)), "close: not authorized: so");
    assert!(close(Some(Close::PROTOCOL)).starts_with("close: the server broke the protocol"));
    let refused = Disconnect::Offline { reason: "refused".into() };
    let closed = ClientInput::Closed { code: None, reason: "refused".into() };
    assert_eq!(Test::new().tell(closed), format!("close: {refused}"), "before it stood");
}
