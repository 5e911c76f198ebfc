//! Each limit at its edge: one below and the limit itself pass, one more is told with what and how much.

use livestore_sync_protocol::{
    BackendId, Call, CallError, ClientEnvelope, DecodeError, FrameBuffer, Limits, RawJson, Transport, check_store_id,
    decode_client_frame, decode_server_frame,
};

fn edge(max: usize, check: impl Fn(usize) -> Option<DecodeError>, error: impl Fn(usize) -> DecodeError) {
    assert_eq!(check(max - 1), None, "one below");
    assert_eq!(check(max), None, "the limit");
    assert_eq!(check(max + 1), Some(error(max + 1)), "one more");
}

fn frame_error(text: &str, limits: &Limits) -> Option<DecodeError> {
    decode_client_frame(text.as_bytes(), limits).err()
}

fn push(events: &[String]) -> String {
    let batch = events.join(",");
    format!(
        r#"{{"_tag":"Request","id":"1","tag":"SyncWsRpc.Push","headers":[],
        "payload":{{"storeId":"s","batch":[{batch}],"backendId":{{"_tag":"None"}}}}}}"#
    )
}

fn event(name: &str, args: &str) -> String {
    format!(r#"{{"name":"{name}","args":{args},"seqNum":1,"parentSeqNum":0,"clientId":"c","sessionId":"s"}}"#)
}

fn call_error(text: &str, limits: &Limits) -> Option<DecodeError> {
    let envelopes = decode_client_frame(text.as_bytes(), limits).map_err(CallError::Payload);
    let call = envelopes.and_then(|envelopes| match envelopes.into_iter().next() {
        Some(ClientEnvelope::Request(request)) => request.call(Transport::WebSocket, limits),
        _ => panic!("it is a request"),
    });
    match call {
        Ok(Call::Push(_)) => None,
        Err(CallError::Payload(error)) => Some(error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_of_a_frame() {
    let limits = Limits::default();
    let padded = |bytes: usize| format!("{}{}", r#"{"_tag":"Ping"}"#, " ".repeat(bytes - 15));
    let told = |bytes| DecodeError::TooLarge { what: "frame", bytes, max: 4 << 20 };
    edge(4 << 20, |bytes| frame_error(&padded(bytes), &limits), told);
    edge(4 << 20, |bytes| FrameBuffer::new(&limits).push(&vec![0; bytes]).err(), told);
}

#[test]
fn envelopes_of_a_frame() {
    let limits = Limits::default();
    let pings = |count: usize| format!("[{}]", vec![r#"{"_tag":"Ping"}"#; count].join(","));
    let told = |count| DecodeError::TooMany { what: "envelopes in a frame", count, max: 256 };
    edge(256, |count| frame_error(&pings(count), &limits), told);
    assert_eq!(frame_error(&pings(100_000), &limits), Some(told(100_000)), "far more are counted, not kept");
}

#[test]
fn events_of_a_batch() {
    let limits = Limits::default();
    let pushed = |count: usize| call_error(&push(&vec![event("v1.X", "1"); count]), &limits);
    edge(1_000, pushed, |count| DecodeError::TooMany { what: "events in a push", count, max: 1_000 });
    let page = |count: usize| {
        let items = vec![format!(r#"{{"eventEncoded":{}}}"#, event("v1.X", "1")); count].join(",");
        let page = format!(r#"{{"batch":[{items}],"pageInfo":{{"_tag":"NoMore"}},"backendId":"b"}}"#);
        let chunk = format!(r#"{{"_tag":"Chunk","requestId":"0","values":[{page}]}}"#);
        decode_server_frame(chunk.as_bytes(), &limits).err()
    };
    edge(1_000, page, |count| DecodeError::TooMany { what: "events in a page", count, max: 1_000 });
}

#[test]
fn depth_of_args() {
    let limits = Limits::default();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let told = |_| DecodeError::TooDeep { what: "the args of an event", max: 64, at: 64 };
    edge(64, |depth| call_error(&push(&[event("v1.X", &nested(depth))]), &limits), told);
    let told = |_| DecodeError::TooDeep { what: "args", max: 64, at: 64 };
    edge(64, |depth| RawJson::new(nested(depth)).err(), told);
    // Brackets in a text are none, also behind an escaped quote; those behind the text are.
    assert_eq!(call_error(&push(&[event("v1.X", &format!("\"{}\\\"[\"", "[".repeat(100)))]), &limits), None);
    let behind =
        |depth: usize| call_error(&push(&[event("v1.X", &format!(r#"["\"\\",{}]"#, nested(depth - 1)))]), &limits);
    edge(64, behind, |_| DecodeError::TooDeep { what: "the args of an event", max: 64, at: 71 });
}

#[test]
fn depth_of_a_frame() {
    let limits = Limits::default();
    let nested = |depth: usize| format!(r#"{{"_tag":"Ping","x":{}1{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let told = |_| DecodeError::TooDeep { what: "the values of a frame", max: 72, at: 90 };
    edge(72, |depth| frame_error(&nested(depth), &limits), told);
    let deep = "[".repeat(4 << 20);
    assert!(matches!(frame_error(&deep, &limits), Some(DecodeError::TooDeep { at: 72, .. })));
}

#[test]
fn bytes_of_texts() {
    let limits = Limits { text_bytes: 1_000, ..Limits::default() };
    let named = |bytes: usize| call_error(&push(&[event(&"n".repeat(bytes), "1")]), &limits);
    edge(1_000, named, |bytes| DecodeError::TooLarge { what: "event name", bytes, max: 1_000 });
    let method = |bytes: usize| {
        let text = format!(r#"{{"_tag":"Request","id":"1","tag":"{}","payload":1}}"#, "m".repeat(bytes));
        frame_error(&text, &limits)
    };
    edge(1_000, method, |bytes| DecodeError::TooLarge { what: "method name", bytes, max: 1_000 });
    // Args are bounded by the event's size, not by this: a text of 300,000 characters is sent by clients.
    assert_eq!(call_error(&push(&[event("v1.X", &format!("\"{}\"", "x".repeat(300_000)))]), &Limits::default()), None);
}

#[test]
fn lengths_of_ids() {
    let ack = |bytes: usize| format!(r#"{{"_tag":"Ack","requestId":"{}"}}"#, "1".repeat(bytes));
    assert_eq!(frame_error(&ack(64), &Limits::default()), None);
    let error = frame_error(&ack(65), &Limits::default()).unwrap().to_string();
    assert!(error.starts_with("a malformed envelope: invalid length 65, expected a request id"), "{error}");
    for id in ["-1", "1.5", "null", "[1]", "true"] {
        let text = format!(r#"{{"_tag":"Interrupt","requestId":{id}}}"#);
        assert!(matches!(frame_error(&text, &Limits::default()), Some(DecodeError::Malformed { .. })), "{id}");
    }
    assert!(check_store_id(&"x".repeat(100)).is_ok() && check_store_id(&"x".repeat(101)).is_err());
    assert!(BackendId::new("x".repeat(100)).is_ok() && BackendId::new("x".repeat(101)).is_err());
    for id in ["", "a'b", "a\"b", "a b", "a;b", "ä", "a\0b", "a\\b"] {
        assert!(BackendId::new(id).is_err(), "{id:?}");
    }
}

/// A group goes out whole. One that the server takes and no client can read would stop all of them for good.
#[test]
fn a_group_that_is_taken_fits_the_frame_that_it_goes_out_in() {
    use livestore_sync_protocol::{
        Event, LogEvent, LogPage, ServerConnection, ServerInput, ServerOptions, ServerOutput, check_push,
    };
    use std::time::Duration;
    let group = |client_id_bytes: usize| -> Vec<Event> {
        let client_id = "c".repeat(client_id_bytes);
        let event = |number: u64| Event {
            name: "v1.Noted".into(),
            args: None,
            number,
            parent: number - 1,
            client_id: client_id.clone(),
            session_id: "s".into(),
            id: None,
            rest: Some((1_000 - number) as u32),
        };
        (1..=1_000).map(event).collect()
    };
    let limits = Limits::default();
    let taken = (0..42).map(|step| step * 100).take_while(|bytes| check_push(&group(*bytes), &limits).is_ok());
    let largest = group(taken.last().expect("short ids are taken"));
    let pull = br#"{"_tag":"Request","id":"0","tag":"SyncWsRpc.Pull","headers":[],
        "payload":{"storeId":"s","live":true,"cursor":{"_tag":"None"},"wholeGroups":true}}"#;
    let mut connection = ServerConnection::new("s", ServerOptions::default(), Duration::ZERO);
    let outputs = connection.step(ServerInput::Frame(pull), Duration::ZERO);
    let [ServerOutput::Read(read)] = outputs[..] else { panic!("{outputs:?}") };
    let backend_id = BackendId::new("b").unwrap();
    let events: Vec<_> = largest.iter().map(|event| LogEvent::new(event, 0)).collect();
    let page = LogPage { key: read.key, backend_id: &backend_id, head: 1_000, events: &events };
    let outputs = connection.step(ServerInput::Page(page), Duration::ZERO);
    let [ServerOutput::Send(chunk)] = &outputs[..] else { panic!("{} outputs", outputs.len()) };
    let frame = decode_server_frame(chunk.as_bytes(), &limits);
    assert!(frame.is_ok(), "{:?}", frame.err());
}
