//! What is encoded decodes to itself.

use crate::rng::{Rng, rounds};
use livestore_sync_protocol::{
    BackendId, Call, Capabilities, Cause, ClientEnvelope, Cursor, Event, EventId, Exit, Failure, Limits, PageInfo,
    PullRequest, PullResponse, PulledEvent, PushRequest, RawJson, Rejection, Request, RequestId, ServerEnvelope,
    Transport, decode_client_frame, decode_server_frame,
};

pub(crate) fn text(rng: &mut Rng) -> String {
    const CHARS: [char; 14] = ['a', 'Z', '0', ' ', '"', '\\', '\n', '\0', '\u{7f}', 'ä', '🎉', '{', ']', '⟦'];
    (0..rng.below(12)).map(|_| *rng.pick(&CHARS)).collect()
}

fn json_text(rng: &mut Rng, depth: usize) -> String {
    match rng.below(if depth == 0 { 4 } else { 6 }) {
        0 => rng.pick(&["null", "true", "1.10", "-0", "1e400", "12345678901234567890123"]).to_string(),
        1 | 2 => serde_json::to_string(&text(rng)).unwrap(),
        3 => r#""\ud800\u0041""#.to_owned(),
        4 => {
            let items: Vec<_> = (0..rng.below(4)).map(|_| json_text(rng, depth - 1)).collect();
            format!("[{}]", items.join(" , "))
        }
        _ => {
            let key = |rng: &mut Rng| serde_json::to_string(&text(rng)).unwrap();
            let items: Vec<_> =
                (0..rng.below(4)).map(|_| format!("{}:{}", key(rng), json_text(rng, depth - 1))).collect();
            format!("{{{}}}", items.join(","))
        }
    }
}

pub(crate) fn json(rng: &mut Rng) -> RawJson {
    RawJson::new(json_text(rng, 4)).unwrap()
}

fn maybe<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (!rng.one_in(3)).then(|| make(rng))
}

pub(crate) fn number(rng: &mut Rng) -> u64 {
    if rng.one_in(4) { rng.next() } else { rng.next() % 1_000 }
}

fn event_id(rng: &mut Rng) -> EventId {
    let [a, b] = [rng.next(), rng.next()];
    EventId((u128::from(a) << 64 | u128::from(b)).to_be_bytes())
}

pub(crate) fn event(rng: &mut Rng) -> Event {
    Event {
        name: text(rng),
        args: maybe(rng, json),
        number: number(rng),
        parent: number(rng),
        client_id: text(rng),
        session_id: text(rng),
        id: maybe(rng, event_id),
        rest: maybe(rng, |rng| u32::try_from(rng.below(1_000)).unwrap()),
    }
}

pub(crate) fn id(rng: &mut Rng) -> RequestId {
    match rng.below(3) {
        0 => RequestId::Number(number(rng)),
        1 => RequestId::text(number(rng).to_string()),
        _ => RequestId::text(text(rng)),
    }
}

fn call(rng: &mut Rng) -> Call {
    let (store_id, payload) = (text(rng), maybe(rng, json));
    let backend_id = |rng: &mut Rng| text(rng).into_boxed_str();
    if rng.one_in(2) {
        let cursor = maybe(rng, |rng| Cursor { backend_id: backend_id(rng), number: number(rng) });
        let live = maybe(rng, |rng| rng.one_in(2));
        return Call::Pull(PullRequest { store_id, payload, live, cursor, whole_groups: rng.one_in(2) });
    }
    let batch = (0..rng.below(5)).map(|_| event(rng)).collect();
    Call::Push(PushRequest { store_id, payload, batch, backend_id: maybe(rng, backend_id) })
}

fn backend_id(rng: &mut Rng) -> BackendId {
    BackendId::new(format!("b-{}", rng.next())).unwrap()
}

fn page(rng: &mut Rng, is_effect4: bool) -> PullResponse {
    let pulled = |rng: &mut Rng| {
        let mut pulled = PulledEvent { event: event(rng), created_at: maybe(rng, |rng| text(rng).into()) };
        if is_effect4 && pulled.event.args.is_none() {
            pulled.event.args = Some(RawJson::new("null").unwrap());
        }
        pulled
    };
    let infos = [PageInfo::NoMore, PageInfo::MoreUnknown, PageInfo::MoreKnown { remaining: number(rng) }];
    PullResponse {
        batch: (0..rng.below(5)).map(|_| pulled(rng)).collect(),
        page_info: *rng.pick(&infos),
        backend_id: backend_id(rng),
        capabilities: maybe(rng, |rng| Capabilities { identity: rng.one_in(2), head: maybe(rng, number) }),
    }
}

fn failure(rng: &mut Rng) -> Failure {
    match rng.below(5) {
        0 => Failure::ServerAhead { head: number(rng), provided: number(rng) },
        1 => Failure::BackendIdMismatch { expected: text(rng).into(), received: text(rng).into() },
        2 => Failure::unknown(&text(rng)),
        3 => {
            let rejected = maybe(rng, |rng| Rejection { number: number(rng), reason: text(rng) });
            Failure::Unknown { cause: json(rng), rejected }
        }
        _ => Failure::Other(RawJson::new(format!(r#"{{"_tag":"Else","x":{}}}"#, json(rng).text())).unwrap()),
    }
}

fn cause(rng: &mut Rng, depth: usize, is_effect4: bool) -> Cause {
    match rng.below(if depth == 0 || is_effect4 { 3 } else { 6 }) {
        0 => Cause::Fail(failure(rng)),
        1 => Cause::Die(json(rng)),
        2 => Cause::Interrupt(maybe(rng, json)),
        3 => Cause::Empty,
        4 => Cause::Sequential(Box::new([cause(rng, depth - 1, false), cause(rng, depth - 1, false)])),
        _ => Cause::Parallel(Box::new([cause(rng, depth - 1, false), cause(rng, depth - 1, false)])),
    }
}

fn exit(rng: &mut Rng, is_effect4: bool) -> Exit {
    if rng.one_in(2) {
        return Exit::Success(maybe(rng, json));
    }
    let many = is_effect4 && rng.one_in(3);
    let count = if rng.one_in(2) { 0 } else { 2 + rng.below(3) };
    Exit::Failure(if many {
        Cause::All((0..count).map(|_| cause(rng, 0, true)).collect())
    } else {
        cause(rng, 4, is_effect4)
    })
}

pub(crate) fn server_envelope(rng: &mut Rng) -> ServerEnvelope {
    let id = id(rng);
    let is_effect4 = matches!(id, RequestId::Number(_));
    match rng.below(5) {
        0 | 1 => ServerEnvelope::Chunk { id, values: (0..1 + rng.below(2)).map(|_| page(rng, is_effect4)).collect() },
        2 => ServerEnvelope::Exit { id, exit: exit(rng, is_effect4) },
        3 => ServerEnvelope::Defect(json(rng)),
        _ => ServerEnvelope::Pong,
    }
}

pub(crate) fn client_frame(rng: &mut Rng) -> String {
    let envelope = match rng.below(6) {
        0..=2 => ClientEnvelope::Request(Request::new(id(rng), &call(rng), Transport::WebSocket)),
        3 => ClientEnvelope::Ack(id(rng)),
        4 => ClientEnvelope::Interrupt(id(rng)),
        _ => ClientEnvelope::Ping,
    };
    envelope.encode()
}

#[test]
fn server_envelopes_decode_to_themselves() {
    let mut rng = Rng::seeded();
    for _ in 0..rounds(3_000, 100_000) {
        let envelopes: Vec<_> = (0..1 + rng.below(3)).map(|_| server_envelope(&mut rng)).collect();
        let texts: Vec<_> = envelopes.iter().map(ServerEnvelope::encode).collect();
        let frame = if texts.len() == 1 { texts.concat() } else { format!(" [{}]", texts.join(" ,")) };
        let decoded = decode_server_frame(frame.as_bytes(), &Limits::default());
        assert_eq!(decoded.as_ref(), Ok(&envelopes), "{frame}");
    }
}

#[test]
fn calls_decode_to_themselves() {
    let mut rng = Rng::seeded();
    let limits = Limits::default();
    for _ in 0..rounds(3_000, 100_000) {
        let (id, call) = (id(&mut rng), call(&mut rng));
        let transport = *rng.pick(&[Transport::WebSocket, Transport::Http]);
        let frame = ClientEnvelope::Request(Request::new(id.clone(), &call, transport)).encode();
        let envelopes =
            decode_client_frame(frame.as_bytes(), &limits).unwrap_or_else(|error| panic!("{error}: {frame}"));
        let [ClientEnvelope::Request(request)] = &envelopes[..] else { panic!("{frame}") };
        assert_eq!(request.id, id);
        assert_eq!(request.call(transport, &limits), Ok(call), "{frame}");
    }
}

#[test]
fn small_envelopes_decode_to_themselves() {
    let mut rng = Rng::seeded();
    for _ in 0..1_000 {
        let id = id(&mut rng);
        let ack = ClientEnvelope::Ack(id.clone()).encode();
        let decoded = decode_client_frame(ack.as_bytes(), &Limits::default()).unwrap();
        assert!(matches!(&decoded[..], [ClientEnvelope::Ack(found)] if *found == id), "{ack}");
    }
    // The server of sync-cf 0.4.0 answers this text without waking up, if it is byte for byte this.
    assert_eq!(ClientEnvelope::Ping.encode(), r#"{"_tag":"Ping"}"#);
}
