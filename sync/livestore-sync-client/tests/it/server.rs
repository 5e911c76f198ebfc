//! A server that does what a test says, over a real socket.

use livestore_sync_client::{SyncClient, SyncClientBuilder};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;
use tungstenite::{Message, WebSocket};

/// How long a server waits for a client.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a script with the first client that comes.
pub(crate) struct Server<T> {
    pub(crate) port: u16,
    script: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    /// With the bare socket.
    pub(crate) fn raw(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            script(stream)
        });
        Self { port, script }
    }

    /// With a WebSocket that stands.
    pub(crate) fn websocket(script: impl FnOnce(Talk) -> T + Send + 'static) -> Self {
        Self::raw(|stream| script(Talk(tungstenite::accept(stream).unwrap())))
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) fn client(&self) -> SyncClientBuilder {
        SyncClient::builder(&self.url())
    }

    /// What the script came to.
    pub(crate) fn finish(self) -> T {
        self.script.join().unwrap()
    }
}

/// A server's end of a WebSocket.
pub(crate) struct Talk(pub(crate) WebSocket<TcpStream>);

impl Talk {
    pub(crate) fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next text; none at the end.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next text with this in it, pings answered on the way.
    pub(crate) fn hear_of(&mut self, words: &str) -> String {
        loop {
            let text = self.hear().expect("the client is there");
            if text.contains(words) {
                return text;
            }
            if text.contains("Ping") {
                self.say(PONG);
            }
        }
    }

    /// Answers pings until the client is gone.
    pub(crate) fn outlive(mut self) {
        while let Some(text) = self.hear() {
            if text.contains("Ping") {
                self.say(PONG);
            }
        }
    }
}

pub(crate) const PONG: &str = r#"{"_tag":"Pong"}"#;

/// The page of a pull whose id is this, with events of these numbers.
pub(crate) fn chunk(id: &str, numbers: impl IntoIterator<Item = u64>, info: &str) -> String {
    let event = |number: u64| {
        format!(
            r#"{{"eventEncoded":{{"name":"v1.Added","args":{{}},"seqNum":{number},"parentSeqNum":{},"clientId":"c","sessionId":"s"}},"metadata":{{"_tag":"None"}}}}"#,
            number - 1
        )
    };
    let events: Vec<_> = numbers.into_iter().map(event).collect();
    let batch = events.join(",");
    format!(
        r#"{{"_tag":"Chunk","requestId":"{id}","values":[{{"batch":[{batch}],"pageInfo":{info},"backendId":"b"}}]}}"#
    )
}

pub(crate) const NO_MORE: &str = r#"{"_tag":"NoMore"}"#;

/// The head of an HTTP request.
pub(crate) fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&head)),
        }
    }
    String::from_utf8(head).unwrap()
}

/// Answers a request with these bytes, and closes. Returns the head of the request.
pub(crate) fn answer_with(answer: impl Into<Vec<u8>>) -> Server<String> {
    let answer = answer.into();
    Server::raw(move |mut stream| {
        let head = head(&mut stream);
        stream.write_all(&answer).unwrap();
        head
    })
}

/// Waits until the client is gone; how is not of interest.
pub(crate) fn until_gone(stream: &mut TcpStream) {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                assert!(error.kind() != ErrorKind::WouldBlock, "the client is still there");
                return;
            }
            Ok(_) => {}
        }
    }
}
