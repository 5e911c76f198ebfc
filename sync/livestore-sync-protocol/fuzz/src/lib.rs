//! What the fuzz targets do with bytes. The crate's tests run the same over recorded and broken frames.

use livestore_sync_protocol::{
    BackendId, ClientConnection, ClientEnvelope, ClientInput, ClientOptions, ClientOutput, ConnectRequest, Event,
    FrameBuffer, HttpExchange, Limits, LogEvent, LogPage, PushVerdict, ServerConnection, ServerInput, ServerOptions,
    ServerOutput, Transport, decode_client_frame, decode_server_frame,
};
use std::time::Duration;

const NOW: Duration = Duration::ZERO;

/// A frame from a client: it decodes or is told, what decodes is written and read again, and a server's connection survives it.
pub fn client_frame(bytes: &[u8]) {
    let limits = Limits::default();
    for envelope in decode_client_frame(bytes, &limits).unwrap_or_default() {
        let text = envelope.encode();
        let again = decode_client_frame(text.as_bytes(), &limits).expect("what was decoded is written readably");
        assert_eq!(again.len(), 1, "{text}");
        let ClientEnvelope::Request(request) = &envelope else { continue };
        for transport in [Transport::WebSocket, Transport::Http] {
            if let Ok(call) = request.call(transport, &limits) {
                let ClientEnvelope::Request(again) = &again[0] else { panic!("{text}") };
                assert_eq!(again.call(transport, &limits).as_ref(), Ok(&call), "{text}");
            }
        }
    }
    let mut server = Server::new();
    server.hear(bytes);
    server.hear(br#"{"_tag":"Ping"}"#);
    if let Ok((_, outputs)) = HttpExchange::begin("s", bytes, ServerOptions::default()) {
        assert!(!outputs.is_empty(), "every request has an answer, or asks the store");
    }
    let _ = ConnectRequest::parse(&String::from_utf8_lossy(bytes));
}

/// A frame from a server, in the same way.
pub fn server_frame(bytes: &[u8]) {
    let limits = Limits::default();
    for envelope in decode_server_frame(bytes, &limits).unwrap_or_default() {
        let text = envelope.encode();
        let again = decode_server_frame(text.as_bytes(), &limits).expect("what was decoded is written readably");
        assert_eq!(again.len(), 1, "{text}");
        assert_eq!(again[0].encode(), text);
    }
    let mut client = Client::new();
    client.hear(bytes);
    client.hear(br#"{"_tag":"Pong"}"#);
}

/// Frames one after the other, each cut in parts: the first byte of each says how long it is, the second where it is cut.
pub fn split_stream(bytes: &[u8]) {
    let (mut server, mut client) = (Server::new(), Client::new());
    let mut rest = bytes;
    while let [len, cut, after @ ..] = rest {
        let (frame, after) = after.split_at(after.len().min(usize::from(*len) * 4));
        let mut buffer = FrameBuffer::new(&Limits::default());
        for part in frame.chunks(usize::from(*cut).max(1)) {
            buffer.push(part).expect("it is small");
        }
        assert_eq!(buffer.bytes(), frame, "any split is the same frame");
        server.hear(buffer.bytes());
        client.hear(buffer.bytes());
        rest = after;
    }
}

fn event(number: u64) -> Event {
    let (client_id, session_id) = ("c".into(), "s".into());
    Event { name: "v1.X".into(), args: None, number, parent: number - 1, client_id, session_id, id: None, rest: None }
}

/// A server's connection to a store with a few events, which answers at once.
struct Server {
    connection: ServerConnection,
    backend_id: BackendId,
    log: Vec<LogEvent>,
}

impl Server {
    fn new() -> Self {
        let log = (1..=120).map(|number| LogEvent::new(&event(number), 0)).collect();
        let backend_id = BackendId::new("b").expect("it is plain");
        Self { connection: ServerConnection::new("s", ServerOptions::default(), NOW), backend_id, log }
    }

    fn hear(&mut self, frame: &[u8]) {
        let mut outputs = self.connection.step(ServerInput::Frame(frame), NOW);
        while let Some(output) = outputs.pop() {
            let head = self.log.len() as u64;
            let input = match output {
                ServerOutput::Send(text) => {
                    let frame = decode_server_frame(text.as_bytes(), &Limits::default());
                    frame.expect("what a server sends is readable");
                    continue;
                }
                ServerOutput::Close(_) => {
                    assert!(self.connection.is_closed());
                    continue;
                }
                ServerOutput::Read(read) => {
                    let after = usize::try_from(read.after).unwrap_or(usize::MAX);
                    let events = self.log.get(after..).unwrap_or_default();
                    ServerInput::Page(LogPage { key: read.key, backend_id: &self.backend_id, head, events })
                }
                ServerOutput::Push(push) => {
                    ServerInput::Pushed { key: push.key, verdict: PushVerdict::ServerAhead { head } }
                }
            };
            let more = self.connection.step(input, NOW);
            outputs.extend(more);
        }
    }
}

/// A client's connection with a pull and a push under way.
struct Client {
    connection: ClientConnection,
    head: u64,
}

impl Client {
    fn new() -> Self {
        let mut connection = ClientConnection::new(ClientOptions::new("s"));
        connection.step(ClientInput::Open, NOW);
        connection.step(ClientInput::Pull { after: 0, backend_id: None, live: true }, NOW);
        connection.step(ClientInput::Push { backend_id: None, events: vec![event(1)] }, NOW);
        Self { connection, head: 0 }
    }

    fn hear(&mut self, frame: &[u8]) {
        let mut outputs = self.connection.step(ClientInput::Frame(frame), NOW);
        while !outputs.is_empty() {
            let mut more = Vec::new();
            for output in outputs {
                match output {
                    ClientOutput::Page(page) => {
                        for event in &page.events {
                            assert_eq!((event.parent, event.number), (self.head, self.head + 1), "gapless and once");
                            self.head = event.number;
                        }
                        more.extend(self.connection.step(ClientInput::PageTaken, NOW));
                    }
                    ClientOutput::Send(text) => {
                        let frame = decode_client_frame(text.as_bytes(), &Limits::default());
                        frame.expect("what a client sends is readable");
                    }
                    ClientOutput::Close(_) => assert!(self.connection.is_closed()),
                    ClientOutput::Connected
                    | ClientOutput::Pushed
                    | ClientOutput::PushRefused(_)
                    | ClientOutput::Pong => {}
                }
            }
            outputs = more;
        }
    }
}
