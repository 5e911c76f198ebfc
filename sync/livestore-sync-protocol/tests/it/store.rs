//! A store that does what a server's does, in memory, and a shell around a connection that asks it at once.

use livestore_sync_protocol::{
    BackendId, Event, HttpExchange, HttpOutput, LogEvent, LogPage, PageBuilder, Push, PushVerdict, Read,
    ServerConnection, ServerEnvelope, ServerInput, ServerOptions, ServerOutput, decode_server_frame,
};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct ModelStore {
    pub(crate) backend_id: BackendId,
    pub(crate) log: Vec<LogEvent>,
    /// Refuses every push, as the hook of ws-12 does.
    pub(crate) refuses: Option<String>,
}

impl ModelStore {
    pub(crate) fn new(backend_id: &str) -> Self {
        Self { backend_id: BackendId::new(backend_id).unwrap(), log: Vec::new(), refuses: None }
    }

    pub(crate) fn head(&self) -> u64 {
        self.log.len().try_into().unwrap()
    }

    pub(crate) fn read(&self, read: &Read) -> Vec<LogEvent> {
        let mut page = PageBuilder::new(read.groups, 0);
        let after = usize::try_from(read.after).unwrap_or(usize::MAX);
        for event in self.log.get(after..).unwrap_or_default() {
            if !page.offer(event.clone(), event.body.len(), event.rest.unwrap_or(0) == 0) {
                break;
            }
        }
        page.finish()
    }

    pub(crate) fn push(&mut self, push: &Push) -> PushVerdict {
        if let Some(reason) = self.refuses.clone() {
            return PushVerdict::Failed { reason };
        }
        if push.backend_id.as_deref().is_some_and(|known| known != self.backend_id.as_str()) {
            return PushVerdict::OtherBackend { backend_id: self.backend_id.clone() };
        }
        if push.batch[0].parent != self.head() {
            return PushVerdict::ServerAhead { head: self.head() };
        }
        self.log.extend(push.batch.iter().map(|event| LogEvent::new(event, 0)));
        PushVerdict::Accepted { head: self.head() }
    }

    pub(crate) fn append(&mut self, name: &str, rest: Option<u32>) {
        let number = self.head() + 1;
        let (client_id, session_id) = ("other".into(), "other-s".into());
        let event =
            Event { name: name.into(), args: None, number, parent: number - 1, client_id, session_id, id: None, rest };
        self.log.push(LogEvent::new(&event, 0));
    }
}

/// A connection and its shell: the store is asked at once, and what goes to the client is kept.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) connection: ServerConnection,
    pub(crate) sent: Vec<String>,
    pub(crate) closed: Option<u16>,
}

impl Served {
    pub(crate) fn new(store_id: &str, now: Duration) -> Self {
        let connection = ServerConnection::new(store_id, ServerOptions::default(), now);
        Self { connection, sent: Vec::new(), closed: None }
    }

    pub(crate) fn step(&mut self, input: ServerInput<'_>, store: &mut ModelStore, now: Duration) {
        let mut outputs = self.connection.step(input, now);
        while !outputs.is_empty() {
            let more = outputs.drain(..).flat_map(|output| self.carry_out(output, store, now)).collect();
            outputs = more;
        }
    }

    fn carry_out(&mut self, output: ServerOutput, store: &mut ModelStore, now: Duration) -> Vec<ServerOutput> {
        match output {
            ServerOutput::Send(text) => {
                assert_eq!(self.closed, None, "nothing is sent after the close");
                self.sent.push(text);
                Vec::new()
            }
            ServerOutput::Read(read) => {
                let (events, backend_id, head) = (store.read(&read), store.backend_id.clone(), store.head());
                let page = LogPage { key: read.key, backend_id: &backend_id, head, events: &events };
                self.connection.step(ServerInput::Page(page), now)
            }
            ServerOutput::Push(push) => {
                let verdict = store.push(&push);
                self.connection.step(ServerInput::Pushed { key: push.key, verdict }, now)
            }
            ServerOutput::Close(close) => {
                self.closed = Some(close.code);
                Vec::new()
            }
        }
    }

    /// What was sent since the last time, decoded.
    pub(crate) fn answers(&mut self) -> Vec<ServerEnvelope> {
        let decode = |text: String| decode_server_frame(text.as_bytes(), &Default::default()).unwrap();
        self.sent.drain(..).flat_map(decode).collect()
    }
}

/// The whole response to an HTTP request.
pub(crate) fn exchange(store_id: &str, body: &[u8], store: &mut ModelStore) -> String {
    let (mut exchange, mut outputs) = HttpExchange::begin(store_id, body, ServerOptions::default()).unwrap();
    let mut response = String::new();
    loop {
        let mut more = Vec::new();
        for output in outputs {
            match output {
                HttpOutput::Body(text) => response.push_str(&text),
                HttpOutput::Read(read) => {
                    let (events, backend_id, head) = (store.read(&read), store.backend_id.clone(), store.head());
                    more = exchange.page(&LogPage { key: read.key, backend_id: &backend_id, head, events: &events });
                }
                HttpOutput::Push(push) => more = exchange.pushed(store.push(&push)),
                HttpOutput::Done => return response,
                HttpOutput::Abort(reason) => panic!("{reason}"),
            }
        }
        outputs = more;
    }
}
