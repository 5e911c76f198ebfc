//! From a stream to a WebSocket. By hand, because tungstenite's own handshake writes the request, and with it the token, to a log.

use super::line::Line;
use super::stream::{Stream, is_blocked};
use crate::client::Setup;
use crate::credentials::Credentials;
use crate::end::End;
use crate::refusal;
use livestore_sync_protocol::Limits;
use std::io::{self, Read, Write};
use std::time::Instant;
use tungstenite::WebSocket;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};

/// The most bytes of the answer's head, and the most headers.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
const READ_BYTES: usize = 4 << 10;

pub(super) fn upgrade(
    line: &mut Line,
    mut stream: Stream,
    setup: &Setup,
    store_id: &str,
    credentials: &Credentials,
    deadline: Instant,
) -> Result<WebSocket<Stream>, End> {
    let key = generate_key();
    let request = request(setup, store_id, credentials, &key);
    let mut exchange = Exchange { line, stream: &mut stream, deadline };
    exchange.write(request.as_bytes())?;
    let rest = exchange.answer(&derive_accept_key(key.as_bytes()))?;
    Ok(WebSocket::from_partially_read(stream, rest, Role::Client, Some(config())))
}

fn request(setup: &Setup, store_id: &str, credentials: &Credentials, key: &str) -> String {
    let target = setup.address.target(store_id, credentials.payload.clone());
    let authorization = credentials.authorization.as_deref();
    let authorization = authorization.map_or_else(String::new, |value| format!("Authorization: {value}\r\n"));
    format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\nUser-Agent: {}\r\n{authorization}\r\n",
        setup.address.authority(),
        crate::client::USER_AGENT,
    )
}

fn config() -> WebSocketConfig {
    let frame_bytes = Limits::default().frame_bytes;
    WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .max_message_size(Some(frame_bytes))
        .max_frame_size(Some(frame_bytes))
        // A push and the small frames around it.
        .max_write_buffer_size(4 * frame_bytes)
}

struct Exchange<'a> {
    line: &'a mut Line,
    stream: &'a mut Stream,
    deadline: Instant,
}

impl Exchange<'_> {
    /// Does it when the socket is ready.
    fn patiently<T>(&mut self, mut act: impl FnMut(&mut Stream) -> io::Result<T>) -> Result<T, End> {
        loop {
            match act(self.stream) {
                Ok(done) => return Ok(done),
                Err(error) if is_blocked(&error) => self.line.wait_within(self.deadline, "the handshake")?,
                Err(error) => return Err(End::of(&error)),
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        while !bytes.is_empty() {
            let written = self.patiently(|stream| stream.write(bytes))?;
            if written == 0 {
                return Err(End::offline("the connection closed in the handshake"));
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        self.patiently(Write::flush)
    }

    /// Adds what comes next to what came; false at the end.
    fn read(&mut self, came: &mut Vec<u8>) -> Result<bool, End> {
        let mut buffer = [0; READ_BYTES];
        let read = self.patiently(|stream| stream.read(&mut buffer))?;
        came.extend_from_slice(buffer.get(..read).unwrap_or_default());
        Ok(read > 0)
    }

    /// Reads the answer; gives back what follows it.
    fn answer(&mut self, accept: &str) -> Result<Vec<u8>, End> {
        let mut came = Vec::new();
        loop {
            if !self.read(&mut came)? {
                return Err(End::offline("the connection closed in the handshake"));
            }
            let Some(head) = Head::parse(&came)? else {
                if came.len() > HEAD_BYTES_MAX {
                    return Err(End::protocol(format!("the answer's head is longer than {HEAD_BYTES_MAX} bytes")));
                }
                continue;
            };
            let mut rest = came.split_off(head.len.min(came.len()));
            if head.status == 101 {
                return head.check(accept).map(|()| rest);
            }
            self.read_body(&head, &mut rest);
            return Err(End::Lost(refusal::refused(head.status, head.body(&rest))));
        }
    }

    /// What a refusal says; as much of it as comes.
    fn read_body(&mut self, head: &Head, body: &mut Vec<u8>) {
        let wanted = head.content_len.map_or(refusal::BODY_BYTES_MAX, |len| len.min(refusal::BODY_BYTES_MAX));
        while body.len() < wanted && !(head.is_chunked && body.ends_with(b"0\r\n\r\n")) {
            if !self.read(body).unwrap_or(false) {
                break;
            }
        }
        body.truncate(refusal::BODY_BYTES_MAX);
    }
}

/// The head of an HTTP answer.
struct Head {
    len: usize,
    status: u16,
    content_len: Option<usize>,
    is_chunked: bool,
    is_upgrade: bool,
    accept: Option<String>,
    /// Something that was not asked for.
    extra: Option<String>,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Option<Self>, End> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let len = match response.parse(bytes) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(End::protocol(format!("what answers is no HTTP server: {error}"))),
        };
        let find = |name: &str| {
            let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            header.and_then(|header| std::str::from_utf8(header.value).ok())
        };
        let has = |name: &str, word: &str| {
            find(name).is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
        };
        let extra =
            ["sec-websocket-extensions", "sec-websocket-protocol"].into_iter().find(|name| find(name).is_some());
        Ok(Some(Self {
            len,
            status: response.code.unwrap_or_default(),
            content_len: find("content-length").and_then(|len| len.trim().parse().ok()),
            is_chunked: has("transfer-encoding", "chunked"),
            is_upgrade: has("upgrade", "websocket") && has("connection", "upgrade"),
            accept: find("sec-websocket-accept").map(str::to_owned),
            extra: extra.map(str::to_owned),
        }))
    }

    fn check(&self, accept: &str) -> Result<(), End> {
        if !self.is_upgrade || self.accept.as_deref().map(str::trim) != Some(accept) {
            return Err(End::protocol("what answers does not speak WebSocket"));
        }
        match &self.extra {
            Some(extra) => Err(End::protocol(format!("the answer has `{extra}`, which was not asked for"))),
            None => Ok(()),
        }
    }

    /// The text of a body; of one in chunks the first.
    fn body<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        if !self.is_chunked {
            return bytes.get(..self.content_len.unwrap_or(bytes.len())).unwrap_or(bytes);
        }
        match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((start, len))) => {
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                bytes.get(start..).map_or(&[], |chunk| chunk.get(..len).unwrap_or(chunk))
            }
            Ok(httparse::Status::Partial) | Err(_) => &[],
        }
    }
}
