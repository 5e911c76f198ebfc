use super::chunk::PageKey;
use super::pull::{Pull, Step};
use super::{Close, LogPage, Push, PushKey, PushVerdict, ReadKey, ServerInput, ServerOptions, ServerOutput};
use crate::{
    Call, Cause, ClientEnvelope, Dialect, Exit, Failure, PullRequest, PushRequest, RawJson, Request, RequestId,
    ServerEnvelope, Transport, check_push, decode_client_frame,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// One client's WebSocket, seen from the server: what came in decides what goes out.
///
/// It does nothing itself: [`step`](Self::step) takes what happened and returns what to do. The shell around it owns the socket, asks
/// the store and tells the time. Unmodified clients of sync-cf 0.4.0 survive it, because it keeps these rules (all measured on them):
///
/// 1. A live pull that was accepted never ends in-band. On any trouble the connection is closed, and the client comes back.
/// 2. Each pull gets the log in order, without gaps and without anything twice: backlog and news come from one cursor, one chunk is
///    under way, the next one goes when it is acknowledged.
/// 3. A ping is answered at once, also while the store is loading or slow.
/// 4. A connection without a pull is closed after three seconds.
/// 5. There is never a defect of the whole connection: an unknown method or a bad payload ends that request alone.
/// 6. The end of a push goes out when the live pulls of the connection have its events, or have them next in line.
/// 7. Ids may be strings or numbers, frames may be arrays, headers, trace and args may be absent.
///
/// ```
/// use livestore_sync_protocol::{ServerConnection, ServerInput, ServerOptions, ServerOutput};
/// use std::time::Duration;
///
/// let now = Duration::ZERO;
/// let mut connection = ServerConnection::new("todos", ServerOptions::default(), now);
/// let outputs = connection.step(ServerInput::Frame(br#"{"_tag":"Ping"}"#), now);
/// assert_eq!(outputs, [ServerOutput::Send(r#"{"_tag":"Pong"}"#.into())]);
/// ```
#[derive(Clone, Debug)]
pub struct ServerConnection {
    store_id: Box<str>,
    options: ServerOptions,
    keys: u64,
    pulls: Vec<Pull>,
    pushes: BTreeMap<PushKey, Pushing>,
    held: VecDeque<Held>,
    heard: Duration,
    /// Since when there is no pull; `None` while there is one, or after one that was not live.
    deaf_since: Option<Duration>,
    is_closed: bool,
    out: Vec<ServerOutput>,
}

/// A push that the store has.
#[derive(Clone, Debug)]
struct Pushing {
    id: RequestId,
    parent: u64,
    backend_id: Option<Box<str>>,
    deadline: Duration,
}

/// The end of a push, which waits for its events to be on their way.
#[derive(Clone, Debug)]
struct Held {
    id: RequestId,
    head: u64,
}

impl ServerConnection {
    /// A connection that just opened, for a store that its client was authorised for. `now` counts from any moment.
    #[must_use]
    pub fn new(store_id: &str, options: ServerOptions, now: Duration) -> Self {
        Self {
            store_id: store_id.into(),
            options,
            keys: 0,
            pulls: Vec::new(),
            pushes: BTreeMap::new(),
            held: VecDeque::new(),
            heard: now,
            deaf_since: Some(now),
            is_closed: false,
            out: Vec::new(),
        }
    }

    /// One step. `now` does not go back.
    pub fn step(&mut self, input: ServerInput<'_>, now: Duration) -> Vec<ServerOutput> {
        if self.is_closed {
            return Vec::new();
        }
        match input {
            ServerInput::Frame(bytes) => self.frame(bytes, now),
            ServerInput::Page(page) => {
                let text = self.take_page(&page, now, |_, text| text());
                self.out.extend(text.map(ServerOutput::Send));
            }
            ServerInput::Pushed { key, verdict } => self.pushed(key, verdict),
            ServerInput::Moved { head } => self.moved(head),
            ServerInput::Heard => self.heard = now,
            ServerInput::Tick => {}
            ServerInput::Close(close) => self.close(close),
        }
        self.finish(now)
    }

    /// A step with [`ServerInput::Page`], for a shell that sends one page to many connections: `text` is told what the page is and
    /// may ask for its text, or take one that it has for the same key, log and events. What it returns goes out first, before the
    /// outputs.
    pub fn page<T>(
        &mut self,
        page: &LogPage<'_>,
        now: Duration,
        text: impl FnOnce(PageKey, &dyn Fn() -> String) -> T,
    ) -> (Option<T>, Vec<ServerOutput>) {
        if self.is_closed {
            return (None, Vec::new());
        }
        let sent = self.take_page(page, now, text);
        (sent, self.finish(now))
    }

    fn finish(&mut self, now: Duration) -> Vec<ServerOutput> {
        self.read_on(now);
        self.release();
        self.pass_time(now);
        std::mem::take(&mut self.out)
    }

    /// When it wants the next [`ServerInput::Tick`] at the latest; `None` when it is closed.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let idle = self.heard + self.options.idle_timeout;
        let deaf = self.deaf_since.map(|since| since + self.options.pull_within);
        let pulls = self.pulls.iter().filter_map(Pull::deadline);
        let pushes = self.pushes.values().map(|pushing| pushing.deadline);
        (!self.is_closed).then(|| deaf.into_iter().chain(pulls).chain(pushes).fold(idle, Duration::min))
    }

    /// Whether so many pushes wait for the store that the shell should read no further frame.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.pushes.len() >= self.options.pushes_max
    }

    /// Whether it wants to hear of the log's growth.
    #[must_use]
    pub fn follows(&self) -> bool {
        !self.is_closed && self.pulls.iter().any(|pull| pull.live)
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    fn frame(&mut self, bytes: &[u8], now: Duration) {
        self.heard = now;
        let limits = self.options.limits;
        let envelopes = match decode_client_frame(bytes, &limits) {
            Ok(envelopes) => envelopes,
            Err(error) => return self.close(Close::of(&error)),
        };
        for envelope in envelopes {
            if self.is_closed {
                return;
            }
            match envelope {
                ClientEnvelope::Request(request) => self.request(&request, now),
                ClientEnvelope::Ack(id) => self.acked(&id),
                ClientEnvelope::Interrupt(id) => self.interrupt(&id, now),
                ClientEnvelope::Ping => self.send(&ServerEnvelope::Pong),
                // Nothing more comes; what runs goes on.
                ClientEnvelope::Eof => {}
            }
        }
    }

    fn request(&mut self, request: &Request<'_>, now: Duration) {
        let id = request.id.clone();
        if self.is_running(&id) {
            return self.close(Close::new(Close::PROTOCOL, format!("request {id} runs already")));
        }
        match request.call(Transport::WebSocket, &self.options.limits) {
            Err(error) => self.fail(id, Cause::die(&error.to_string())),
            // Rights were given for the store in the URL.
            Ok(call) if call.store_id() != &*self.store_id => {
                self.fail(id, Cause::die("another store than the connection's"))
            }
            Ok(Call::Pull(pull)) => self.pull(id, pull, now),
            Ok(Call::Push(push)) => self.push(id, push, now),
            Ok(Call::Ping(_)) => self.exit(id, Exit::pong()),
        }
    }

    fn is_running(&self, id: &RequestId) -> bool {
        self.pulls.iter().any(|pull| pull.id == *id)
            || self.pushes.values().any(|pushing| pushing.id == *id)
            || self.held.iter().any(|held| held.id == *id)
    }

    fn pull(&mut self, id: RequestId, request: PullRequest, now: Duration) {
        if self.pulls.len() >= self.options.pulls_max {
            let reason = format!("more than {} pulls at once", self.options.pulls_max);
            return self.close(Close::new(Close::POLICY, reason));
        }
        let key = ReadKey(self.key());
        let mut pull = Pull::new(id, key, request);
        self.out.push(ServerOutput::Read(pull.read(&self.options, now)));
        self.pulls.push(pull);
        self.deaf_since = None;
    }

    fn push(&mut self, id: RequestId, request: PushRequest, now: Duration) {
        let PushRequest { batch, backend_id, payload, .. } = request;
        let Some(parent) = batch.first().map(|first| first.parent) else { return self.exit(id, Exit::pushed()) };
        if let Err(error) = check_push(&batch, &self.options.limits) {
            return self.fail(id, Cause::Fail(error.failure()));
        }
        // Only a frame of many requests gets here: the shell does not read on while it is busy.
        if self.is_busy() {
            let reason = format!("more than {} pushes at once", self.options.pushes_max);
            return self.close(Close::new(Close::POLICY, reason));
        }
        let key = PushKey(self.key());
        let deadline = now + self.options.store_timeout;
        self.pushes.insert(key, Pushing { id, parent, backend_id: backend_id.clone(), deadline });
        self.out.push(ServerOutput::Push(Push { key, batch, backend_id, payload }));
    }

    const fn key(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }

    /// An ack of something that does not run any more is nothing to answer (measured on sync-cf 0.4.0).
    fn acked(&mut self, id: &RequestId) {
        let over = self.pulls.iter_mut().position(|pull| pull.id == *id && pull.acked());
        if let Some(index) = over {
            let pull = self.pulls.remove(index);
            self.exit(pull.id, Exit::pulled());
        }
    }

    /// Clients interrupt pushes that are under way, or answered, as a matter of course (measured on sync-cf 0.4.0): the push goes on,
    /// and its end is sent. The interrupt of a pull ends it.
    fn interrupt(&mut self, id: &RequestId, now: Duration) {
        let Some(index) = self.pulls.iter().position(|pull| pull.id == *id) else { return };
        let pull = self.pulls.remove(index);
        let fiber_id = match pull.id.dialect() {
            Dialect::Effect3 => RawJson::of(&BTreeMap::from([("_tag", "None")])),
            Dialect::Effect4 => RawJson::of(&0),
        };
        if pull.live && !self.pulls.iter().any(|pull| pull.live) {
            self.deaf_since = Some(now);
        }
        self.fail(pull.id, Cause::Interrupt(Some(fiber_id)));
    }

    fn take_page<T>(
        &mut self,
        page: &LogPage<'_>,
        now: Duration,
        text: impl FnOnce(PageKey, &dyn Fn() -> String) -> T,
    ) -> Option<T> {
        // The pull may be over: its answer is late.
        let index = self.pulls.iter().position(|pull| pull.key == page.key)?;
        match self.pulls.get_mut(index)?.page(page) {
            Step::Rests => {}
            Step::Chunk(chunk) => return Some(text(chunk.key(&self.options), &|| chunk.text(&self.options))),
            Step::Refused(failure) => {
                let pull = self.pulls.remove(index);
                self.fail(pull.id, Cause::Fail(failure));
                self.deaf_since = self.pulls.is_empty().then_some(now);
            }
            Step::Broken(reason) => self.close(Close::new(Close::INTERNAL, reason)),
        }
        None
    }

    fn pushed(&mut self, key: PushKey, verdict: PushVerdict) {
        let Some(pushing) = self.pushes.remove(&key) else { return };
        match verdict.failure(pushing.parent, pushing.backend_id) {
            Ok(head) => {
                self.moved(head);
                self.held.push_back(Held { id: pushing.id, head });
            }
            Err(failure) => {
                // What a client is behind of is on its way to it, or it would wait for ever.
                if let Failure::ServerAhead { head, .. } = failure {
                    self.moved(head);
                }
                self.fail(pushing.id, Cause::Fail(failure));
            }
        }
    }

    fn moved(&mut self, head: u64) {
        self.pulls.iter_mut().for_each(|pull| pull.moved(head));
    }

    /// Reads for every pull whose turn it is.
    fn read_on(&mut self, now: Duration) {
        if self.is_closed {
            return;
        }
        for pull in self.pulls.iter_mut().filter(|pull| pull.wants_read()) {
            self.out.push(ServerOutput::Read(pull.read(&self.options, now)));
        }
    }

    fn release(&mut self) {
        while let Some(held) = self.held.front() {
            if self.is_closed || !self.pulls.iter().all(|pull| pull.has_queued(held.head)) {
                return;
            }
            if let Some(held) = self.held.pop_front() {
                self.exit(held.id, Exit::pushed());
            }
        }
    }

    fn pass_time(&mut self, now: Duration) {
        if self.deaf_since.is_some_and(|since| now >= since + self.options.pull_within) {
            return self.close(Close::new(Close::POLICY, "no pull: connect again"));
        }
        if now >= self.heard + self.options.idle_timeout {
            return self.close(Close::new(Close::POLICY, "no ping: connect again"));
        }
        let pulls = self.pulls.iter().filter_map(Pull::deadline);
        if pulls.chain(self.pushes.values().map(|pushing| pushing.deadline)).any(|deadline| now >= deadline) {
            self.close(Close::new(Close::INTERNAL, "the store does not answer"));
        }
    }

    fn send(&mut self, envelope: &ServerEnvelope) {
        if !self.is_closed {
            self.out.push(ServerOutput::Send(envelope.encode()));
        }
    }

    fn exit(&mut self, id: RequestId, exit: Exit) {
        self.send(&ServerEnvelope::Exit { id, exit });
    }

    fn fail(&mut self, id: RequestId, cause: Cause) {
        self.exit(id, Exit::Failure(cause));
    }

    fn close(&mut self, close: Close) {
        if !self.is_closed {
            self.is_closed = true;
            self.out.push(ServerOutput::Close(close));
        }
    }
}
