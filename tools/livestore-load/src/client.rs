//! One client: a WebSocket and a [`Book`].

use crate::book::{Book, Violation};
use crate::figures::{Phase, Shared, Store};
use crate::frames::{self, Name, Stamp};
use crate::histogram::Histogram;
use crate::pages;
use futures_util::{SinkExt as _, StreamExt as _};
use livestore_sync_protocol::{
    BackendId, Cursor, Exit, Failure, Limits, PullResponse, RequestId, ServerEnvelope, decode_server_frame,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// As often as clients of sync-cf 0.4.0 do.
const PING: Duration = Duration::from_secs(10);
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);
const RECONNECT: Duration = Duration::from_millis(100);
/// How long a stalled client reads in between.
const READS_FOR: Duration = Duration::from_secs(1);
/// The most events of a push.
const PUSH_MAX: u64 = Limits::MESSAGE_EVENTS as u64;
/// A moment that does not come.
const NEVER: Duration = Duration::from_secs(86_400);

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Pushes,
    PushesBlind,
    Reads,
    Stalls,
}

/// What became of a client.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) role: Role,
    pub(crate) store: usize,
    pub(crate) book: Book,
    pub(crate) acks: Histogram,
    pub(crate) deliveries: Histogram,
}

/// Why a conversation is over.
enum End {
    Done,
    Lost(String),
}

pub(crate) struct Client {
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
    name: Name,
    client_id: String,
    store: usize,
    role: Role,
    book: Book,
    acks: Histogram,
    deliveries: Histogram,
    backend_id: Option<BackendId>,
    ids: u64,
    pull_id: RequestId,
    push_id: Option<RequestId>,
    /// How many events were due until now.
    ticks: u64,
    push_again_at: Option<Instant>,
    was_ready: bool,
    was_settled: bool,
}

impl Client {
    pub(crate) fn new(shared: &Arc<Shared>, number: usize, role: Role) -> Self {
        let name = Name { run: shared.run, client: number as u64 };
        Self {
            phase: shared.phase.subscribe(),
            client_id: name.client_id(),
            name,
            store: number % shared.stores.len(),
            shared: Arc::clone(shared),
            role,
            book: Book::new(role == Role::PushesBlind),
            acks: Histogram::default(),
            deliveries: Histogram::default(),
            backend_id: None,
            ids: 0,
            pull_id: RequestId::text("0"),
            push_id: None,
            ticks: 0,
            push_again_at: None,
            was_ready: false,
            was_settled: false,
        }
    }

    pub(crate) async fn run(mut self) -> Outcome {
        loop {
            let reason = match self.connect().await {
                Ok(mut socket) => match self.talk(&mut socket).await {
                    Ok(End::Done) => break,
                    Ok(End::Lost(reason)) => reason,
                    Err(error) => error.to_string(),
                },
                Err(reason) => reason,
            };
            if *self.phase.borrow() == Phase::Over {
                break;
            }
            self.shared.problem(format!("a connection was lost: {reason}"));
            self.shared.reconnects.fetch_add(1, Ordering::Relaxed);
            self.book.disconnected();
            tokio::time::sleep(RECONNECT).await;
        }
        let Self { role, store, book, acks, deliveries, .. } = self;
        Outcome { role, store, book, acks, deliveries }
    }

    fn store(&self) -> &Store {
        &self.shared.stores[self.store]
    }

    const fn follows(&self) -> bool {
        !self.book.is_blind
    }

    async fn connect(&self) -> Result<Socket, String> {
        let _turn = self.shared.handshakes.acquire().await.map_err(|error| error.to_string())?;
        let args = &self.shared.args;
        let address = frames::address(&args.url, &self.store().id, args.token.as_deref());
        let config = WebSocketConfig::default().read_buffer_size(16 << 10).write_buffer_size(0);
        // Without Nagle's algorithm, or an answer waits for the acknowledgement of the one before.
        let connecting = connect_async_with_config(address, Some(config), true);
        match tokio::time::timeout(HANDSHAKE_MAX, connecting).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(tungstenite::Error::Http(response))) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                Err(format!("{} {body}", response.status()))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no handshake within {HANDSHAKE_MAX:?}")),
        }
    }

    fn next_id(&mut self) -> RequestId {
        let id = RequestId::text(self.ids.to_string());
        self.ids += 1;
        id
    }

    async fn talk(&mut self, socket: &mut Socket) -> Result<End, tungstenite::Error> {
        self.pull_id = self.next_id();
        let backend_id = self.backend_id.as_ref().map(|id| id.as_str().into());
        let cursor = backend_id.map(|backend_id| Cursor { backend_id, number: self.book.head });
        let pull = frames::pull(&self.store().id, self.pull_id.clone(), cursor, self.follows());
        socket.feed(Message::text(frames::ping())).await?;
        socket.send(Message::text(pull)).await?;
        let mut ping_at = Instant::now() + PING;
        let mut stall_at = Instant::now() + if self.role == Role::Stalls { READS_FOR } else { NEVER };
        loop {
            if let Some(end) = self.go_on(socket).await? {
                return Ok(end);
            }
            let wake_at = ping_at.min(self.due_at()).min(stall_at);
            tokio::select! {
                message = socket.next() => {
                    if let Some(end) = self.message(socket, message).await? {
                        return Ok(end);
                    }
                }
                _ = self.phase.changed() => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
            let now = Instant::now();
            if now >= ping_at {
                ping_at = now + PING;
                socket.send(Message::text(frames::ping())).await?;
            }
            if now >= stall_at {
                self.stall().await;
                stall_at = Instant::now() + READS_FOR;
            }
        }
    }

    /// Reads nothing for a while, or until it is time to end.
    async fn stall(&mut self) {
        let mut phase = self.phase.clone();
        let ending = phase.wait_for(|phase| matches!(phase, Phase::Ending | Phase::Over));
        let _ = tokio::time::timeout(self.shared.args.stall, ending).await;
    }

    /// When the next event is due, or a push is tried again.
    fn due_at(&self) -> Instant {
        let again = self.push_again_at.unwrap_or_else(|| Instant::now() + NEVER);
        match *self.phase.borrow() {
            Phase::Running { begin } => self.tick_at(begin).map_or(again, |tick| tick.min(again)),
            // The others are looked at now and then.
            Phase::Settling | Phase::Ending => again.min(Instant::now() + Duration::from_millis(20)),
            Phase::Connecting | Phase::Over => again,
        }
    }

    fn commits(&self) -> bool {
        matches!(self.role, Role::Pushes | Role::PushesBlind)
    }

    fn tick_at(&self, begin: Instant) -> Option<Instant> {
        let args = &self.shared.args;
        let is_paced = self.commits() && args.rate > 0.0 && args.saturate.is_none();
        // Clients do not tick together.
        let share = self.name.client as f64 / args.clients.max(1) as f64;
        is_paced.then(|| begin + Duration::from_secs_f64((self.ticks as f64 + share) / args.rate))
    }

    /// What follows from where it stands.
    async fn go_on(&mut self, socket: &mut Socket) -> Result<Option<End>, tungstenite::Error> {
        let phase = *self.phase.borrow_and_update();
        match phase {
            Phase::Connecting => {}
            Phase::Running { begin } => self.commit_due(begin),
            Phase::Settling => self.settle(),
            Phase::Ending => {
                self.settle();
                if !self.follows() || (self.book.is_settled() && self.book.head >= self.store().head()) {
                    let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await;
                    return Ok(Some(End::Done));
                }
            }
            Phase::Over => return Ok(Some(End::Done)),
        }
        if self.was_ready && self.push_again_at.is_none_or(|at| at <= Instant::now()) {
            self.push_again_at = None;
            self.push(socket).await?;
        }
        Ok(None)
    }

    fn settle(&mut self) {
        if self.commits() && self.book.is_settled() && !self.was_settled {
            self.was_settled = true;
            self.shared.settled.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn commit_due(&mut self, begin: Instant) {
        let now = Instant::now();
        if let Some(count) = self.shared.args.saturate.filter(|_| self.commits() && self.book.is_settled()) {
            (0..count).for_each(|_| self.book.commit(self.shared.micros(now)));
        }
        while let Some(tick) = self.tick_at(begin).filter(|tick| *tick <= now) {
            self.ticks += 1;
            self.book.commit(self.shared.micros(tick));
        }
    }

    async fn push(&mut self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        let Some(pushing) = self.book.push(PUSH_MAX) else { return Ok(()) };
        let event = |place: u64| {
            let index = pushing.first + place;
            let stamp = Stamp::new(index, self.book.due(index), self.shared.args.args_bytes);
            self.name.event(pushing.parent + 1 + place, &stamp)
        };
        let batch = (0..pushing.count).map(event).collect();
        let id = self.next_id();
        self.push_id = Some(id.clone());
        let backend_id = self.backend_id.as_ref().map(BackendId::as_str);
        socket.send(Message::text(frames::push(&self.store().id, id, backend_id, batch))).await
    }

    async fn message(
        &mut self,
        socket: &mut Socket,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<End>, tungstenite::Error> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                let frame = frame.map_or_else(|| "closed".into(), |frame| format!("{}: {}", frame.code, frame.reason));
                return Ok(Some(End::Lost(frame)));
            }
            Some(Ok(_)) => return Ok(None),
            Some(Err(error)) => return Err(error),
            None => return Ok(Some(End::Lost("closed".into()))),
        };
        match self.store().pages.read(&text) {
            Ok(Some(page)) => {
                page.values.iter().for_each(|(page, stamps)| self.page(page, stamps));
                socket.send(Message::text(page.ack.clone())).await?;
                return Ok(None);
            }
            Ok(None) => {}
            Err(error) => return Ok(Some(End::Lost(error.to_string()))),
        }
        let envelopes = match decode_server_frame(text.as_bytes(), &Limits::default()) {
            Ok(envelopes) => envelopes,
            Err(error) => return Ok(Some(End::Lost(error.to_string()))),
        };
        for envelope in envelopes {
            match envelope {
                ServerEnvelope::Chunk { id, values } => {
                    values.iter().for_each(|page| self.page(page, &pages::stamps(page)));
                    socket.send(Message::text(frames::ack(id))).await?;
                }
                ServerEnvelope::Exit { id, exit } if self.push_id.as_ref() == Some(&id) => self.pushed(&exit),
                ServerEnvelope::Exit { id, .. } if id == self.pull_id && self.follows() => {
                    return Ok(Some(End::Lost("the live pull ended".into())));
                }
                ServerEnvelope::Exit { .. } | ServerEnvelope::Pong => {}
                ServerEnvelope::Defect(defect) => return Ok(Some(End::Lost(defect.text().to_owned()))),
            }
        }
        Ok(None)
    }

    fn page(&mut self, page: &PullResponse, stamps: &[Option<Stamp>]) {
        if self.backend_id.get_or_insert_with(|| page.backend_id.clone()) != &page.backend_id {
            self.violation(&Violation::Backend);
        }
        let now = self.shared.micros(Instant::now());
        for (pulled, stamp) in page.batch.iter().zip(stamps) {
            let event = &pulled.event;
            let own = stamp.as_ref().filter(|_| event.client_id == self.client_id).map(|stamp| stamp.index);
            if self.follows()
                && let Err(violation) = self.book.came(event, own)
            {
                self.violation(&violation);
            }
            if let Some(stamp) = stamp {
                self.deliveries.add(now.saturating_sub(stamp.at));
            }
        }
        self.shared.delivered.fetch_add(page.batch.len() as u64, Ordering::Relaxed);
        self.store().reached(self.book.head);
        if !self.was_ready && page.page_info == livestore_sync_protocol::PageInfo::NoMore {
            self.was_ready = true;
            self.shared.ready.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn violation(&self, violation: &Violation) {
        self.shared.violations.fetch_add(1, Ordering::Relaxed);
        self.shared.problem(format!("{} in `{}`: {violation}", self.client_id, self.store().id));
    }

    fn pushed(&mut self, exit: &Exit) {
        self.push_id = None;
        match exit {
            Exit::Success(_) => self.taken(),
            Exit::Failure(cause) => match cause.failure() {
                Some(Failure::ServerAhead { head, .. }) => self.book.refused(Some(*head)),
                failure => {
                    let reason = failure.map_or_else(|| "no reason".into(), Failure::message);
                    self.shared.problem(format!("a push was refused: {reason}"));
                    self.push_again_at = Some(Instant::now() + RECONNECT);
                    self.book.refused(None);
                }
            },
        }
    }

    fn taken(&mut self) {
        let last = self.book.pushing.map_or(0, |pushing| pushing.parent + pushing.count);
        let now = self.shared.micros(Instant::now());
        let times = self.book.taken();
        self.shared.taken.fetch_add(times.len() as u64, Ordering::Relaxed);
        times.iter().for_each(|at| self.acks.add(now.saturating_sub(*at)));
        self.store().reached(last);
    }
}
