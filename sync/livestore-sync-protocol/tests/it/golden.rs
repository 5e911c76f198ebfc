//! Every recorded frame decodes, and encodes to the same JSON.

use crate::capture::{self, Record};
use livestore_sync_protocol::{
    Call, Cause, ClientEnvelope, DecodeError, Event, Exit, Failure, Limits, Request, RequestId, ServerEnvelope,
    Transport, decode_client_frame, decode_server_frame,
};
use serde_json::Value;

/// The frames of ours in the recordings that are none of the protocol.
fn is_no_frame(body: &str) -> bool {
    body == "hello" || body.contains(r#""_tag":"Wat""#)
}

fn transport(record: &Record) -> Transport {
    if record.transport == "http" { Transport::Http } else { Transport::WebSocket }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A frame as the list of its envelopes.
fn values(text: &str) -> Vec<Value> {
    match value(text) {
        Value::Array(values) => values,
        value => vec![value],
    }
}

#[test]
fn client_frames_decode_and_encode_to_the_same_json() {
    let (mut frames, mut calls) = (0, 0);
    for record in capture::bodies("c2s") {
        let body = record.body();
        if is_no_frame(&body) {
            continue;
        }
        let envelopes = decode_client_frame(body.as_bytes(), &Limits::default());
        let envelopes = envelopes.unwrap_or_else(|error| panic!("{}: {error}", record.at()));
        let encoded: Vec<_> = envelopes.iter().map(|envelope| value(&envelope.encode())).collect();
        assert_eq!(encoded, values(&body), "{}", record.at());
        frames += 1;
        for envelope in &envelopes {
            let ClientEnvelope::Request(request) = envelope else { continue };
            let Ok(call) = request.call(transport(&record), &Limits::default()) else { continue };
            // Written anew from the call, the request has the same payload.
            let again = Request::new(request.id.clone(), &call, transport(&record));
            let payload = |request: &Request<'_>| value(request.payload.as_ref().unwrap().get());
            assert_eq!(payload(&again), payload(request), "{}", record.at());
            assert_eq!(again.method, request.method);
            assert_args_are_exact(&call, &body);
            calls += 1;
        }
    }
    assert!(frames > 300 && calls > 100, "{frames} frames, {calls} calls");
}

/// The args of each event stand in the frame as they were kept.
fn assert_args_are_exact(call: &Call, body: &str) {
    let Call::Push(push) = call else { return };
    for event in &push.batch {
        let name = format!(r#"{{"name":"{}""#, event.name);
        let at = body.find(&name).unwrap();
        match &event.args {
            Some(args) => {
                assert!(body[at..].contains(&format!(r#","args":{},"seqNum":{}"#, args.text(), event.number)))
            }
            None => assert!(body[at..].contains(&format!(r#"{name},"seqNum":{}"#, event.number))),
        }
    }
}

#[test]
fn server_frames_decode_and_encode_to_the_same_json() {
    let mut frames = 0;
    for record in capture::bodies("s2c") {
        let body = record.body();
        let Ok(expected) = serde_json::from_str::<Value>(&body) else { continue };
        let envelopes = decode_server_frame(body.as_bytes(), &Limits::default());
        let envelopes = envelopes.unwrap_or_else(|error| panic!("{}: {error}", record.at()));
        let encoded: Vec<_> = envelopes.iter().map(|envelope| value(&envelope.encode())).collect();
        let expected = if expected.is_array() { values(&body) } else { vec![expected] };
        if record.file.starts_with("effect4") {
            assert_eq!(encoded, expected.into_iter().map(with_null_args).collect::<Vec<_>>(), "{}", record.at());
        } else {
            assert_eq!(encoded, expected, "{}", record.at());
        }
        frames += 1;
    }
    assert!(frames >= 299, "{frames} frames");
}

/// Clients of Effect 4 need the key.
fn with_null_args(mut chunk: Value) -> Value {
    let batches = chunk.pointer_mut("/values/0/batch").and_then(Value::as_array_mut);
    for pulled in batches.into_iter().flatten() {
        let event = pulled["eventEncoded"].as_object_mut().unwrap();
        event.entry("args").or_insert(Value::Null);
    }
    chunk
}

#[test]
fn frames_of_no_kind_are_told() {
    let decode = |body: &str| decode_client_frame(body.as_bytes(), &Limits::default()).map(|envelopes| envelopes.len());
    let mut found = 0;
    for record in capture::bodies("c2s").filter(|record| is_no_frame(&record.body())) {
        match decode(&record.body()) {
            Err(DecodeError::UnknownEnvelope { tag }) => assert_eq!(tag, "Wat"),
            Err(DecodeError::NotJson { reason }) => assert_eq!(reason, "expected value at line 1 column 1"),
            other => panic!("{}: {other:?}", record.at()),
        }
        found += 1;
    }
    assert_eq!(found, 3);
}

#[test]
fn calls_that_are_none_are_told() {
    let mut reasons = Vec::new();
    for record in capture::bodies("c2s").filter(|record| record.file.contains("raw")) {
        let body = record.body();
        for envelope in decode_client_frame(body.as_bytes(), &Limits::default()).unwrap_or_default() {
            let ClientEnvelope::Request(request) = envelope else { continue };
            if let Err(error) = request.call(transport(&record), &Limits::default()) {
                reasons.push(error.to_string());
            }
        }
    }
    let expected = [
        "unknown request tag: SyncHttpRpc.Nope",
        "a malformed pull: missing field `cursor` at line 1 column 25",
        "unknown request tag: SyncWsRpc.Nope",
        "a malformed pull: missing field `cursor` at line 1 column 27",
        "a malformed push: invalid type: integer `1`, expected a string at line 1 column 45",
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn the_typed_errors_are_found_in_either_dialect() {
    let failure = |text: &str| {
        let envelopes = decode_server_frame(text.as_bytes(), &Limits::default()).unwrap();
        let Some(ServerEnvelope::Exit { exit: Exit::Failure(cause), .. }) = envelopes.into_iter().next() else {
            panic!("{text}")
        };
        cause.failure().cloned()
    };
    let ahead = Some(Failure::ServerAhead { head: 3, provided: 1 });
    let error = r#"{"_tag":"Fail","error":{"minimumExpectedNum":3,"providedNum":1,"_tag":"ServerAheadError"}}"#;
    let exit = |id: &str, cause: &str| {
        format!(r#"{{"_tag":"Exit","requestId":{id},"exit":{{"_tag":"Failure","cause":{cause}}}}}"#)
    };
    assert_eq!(failure(&exit(r#""1""#, error)), ahead);
    assert_eq!(failure(&exit("1", &format!("[{error}]"))), ahead);
    let tree = format!(
        r#"{{"_tag":"Sequential","left":{{"_tag":"Empty"}},"right":{{"_tag":"Parallel","left":{{"_tag":"Interrupt","fiberId":1}},"right":{error}}}}}"#
    );
    assert_eq!(failure(&exit(r#""1""#, &tree)), ahead);
    assert_eq!(failure(&exit("1", r#"[{"_tag":"Die","defect":null},{"_tag":"Interrupt"}]"#)), None);
}

#[test]
fn each_dialect_writes_causes_its_own_way() {
    let exit = |id| ServerEnvelope::Exit { id, exit: Exit::Failure(Cause::die("no")) }.encode();
    let tree = r#"{"_tag":"Exit","requestId":"7","exit":{"_tag":"Failure","cause":{"_tag":"Die","defect":"no"}}}"#;
    assert_eq!(exit(RequestId::text("7")), tree);
    let array = r#"{"_tag":"Exit","requestId":7,"exit":{"_tag":"Failure","cause":[{"_tag":"Die","defect":"no"}]}}"#;
    assert_eq!(exit(RequestId::Number(7)), array);
}

#[test]
fn absent_args_are_not_null_args() {
    let event = |args: &str| {
        let text = format!(r#"{{"name":"v1.X"{args},"seqNum":1,"parentSeqNum":0,"clientId":"c","sessionId":"s"}}"#);
        let event: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
        event.args.map(|args| args.text().to_owned())
    };
    assert_eq!(event(""), None);
    assert_eq!(event(r#","args":null"#).as_deref(), Some("null"));
    assert_eq!(
        event(r#","args":{ "b":1.10, "a":"\ud83c\u0000" }"#).as_deref(),
        Some(r#"{ "b":1.10, "a":"\ud83c\u0000" }"#)
    );
}

#[test]
fn our_fields_go_both_ways() {
    let id = "00112233445566778899aabbccddeeff";
    let text = format!(
        r#"{{"name":"v1.X","seqNum":1,"parentSeqNum":0,"clientId":"c","sessionId":"s","id":"{id}","group":2}}"#
    );
    let event: Event = serde_json::from_str(&text).unwrap();
    assert_eq!((event.id.unwrap().to_string().as_str(), event.rest), (id, Some(2)));
    assert_eq!(serde_json::to_string(&event).unwrap(), text);
}
