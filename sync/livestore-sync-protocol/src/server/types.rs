use crate::json::text_of;
use crate::{BackendId, DecodeError, Event, Failure, Groups, Limits, RawJson};
use std::sync::Arc;
use std::time::Duration;

/// How a server treats its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// What it takes from clients.
    pub limits: Limits,
    /// Whether it keeps event ids and commit groups, and says so with every page.
    pub keeps_identity: bool,
    /// After how long without a pull a connection is closed. Clients of sync-cf 0.4.0 may come back without one after a timeout, and
    /// then hear of nothing any more; closed, they come back with one (measured).
    pub pull_within: Duration,
    /// After how long without a frame a connection is closed. Clients send a ping every ten seconds.
    pub idle_timeout: Duration,
    /// How long the store may take to answer.
    pub store_timeout: Duration,
    /// The most pulls that are open at once. One is what clients have.
    pub pulls_max: usize,
    /// The most pushes that the store has not answered. [`ServerConnection::is_busy`](super::ServerConnection::is_busy) tells to
    /// read later.
    pub pushes_max: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            keeps_identity: true,
            pull_within: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(60),
            store_timeout: Duration::from_secs(30),
            pulls_max: 4,
            pushes_max: 16,
        }
    }
}

/// Names a [`Read`] within one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadKey(pub(super) u64);

/// Names a [`Push`] within one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushKey(pub(super) u64);

/// An event as the log holds it: its JSON was written once, when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Its number.
    pub number: u64,
    /// How many events of its commit group follow.
    pub rest: Option<u32>,
    /// When the server took it: milliseconds since 1970.
    pub created_at_ms: i64,
    /// The event as JSON, as [`LogEvent::body_of`] gives it.
    pub body: Arc<str>,
}

impl LogEvent {
    /// An event that is about to be stored.
    #[must_use]
    pub fn new(event: &Event, created_at_ms: i64) -> Self {
        Self { number: event.number, rest: event.rest, created_at_ms, body: Self::body_of(event).into() }
    }

    /// The event as JSON: args byte for byte, absent args left out.
    #[must_use]
    pub fn body_of(event: &Event) -> String {
        let mut body = Vec::with_capacity(event.json_bytes());
        match serde_json::to_writer(&mut body, event) {
            Ok(()) => String::from_utf8(body).unwrap_or_default(),
            Err(_) => text_of(event),
        }
    }
}

/// What happens to a connection.
#[derive(Clone, Debug)]
pub enum ServerInput<'a> {
    /// A frame came, text or binary.
    Frame(&'a [u8]),
    /// The store answers a [`Read`].
    Page(LogPage<'a>),
    /// The store answers a [`Push`].
    Pushed {
        /// Which push.
        key: PushKey,
        /// What became of it.
        verdict: PushVerdict,
    },
    /// The log of the store grew. Saying so too often, or in the wrong order, does no harm; after a pull's page the page's own
    /// head counts too.
    Moved {
        /// The number of its last event.
        head: u64,
    },
    /// Something came that is no frame, such as the pong of a WebSocket: the client is there.
    Heard,
    /// Time passed.
    Tick,
    /// The connection shall end: the server shuts down, a credential expired, the client does not read.
    Close(Close),
}

/// The answer to a [`Read`].
#[derive(Clone, Copy, Debug)]
pub struct LogPage<'a> {
    /// Which read.
    pub key: ReadKey,
    /// Whose log it is.
    pub backend_id: &'a BackendId,
    /// The number of the log's last event, at the time of reading or later.
    pub head: u64,
    /// The events after [`Read::after`], without gaps. More than fit a page do no harm.
    pub events: &'a [LogEvent],
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushVerdict {
    /// It is in the log, or was there already, and safe.
    Accepted {
        /// The number of the log's last event.
        head: u64,
    },
    /// It does not follow the log's end, on either side of it.
    ServerAhead {
        /// The number of the log's last event.
        head: u64,
    },
    /// The client knows another backend.
    OtherBackend {
        /// The store's own.
        backend_id: BackendId,
    },
    /// One of its events will never be taken.
    Rejected {
        /// The event's number.
        number: u64,
        /// Why.
        reason: String,
    },
    /// It could not be done now.
    Failed {
        /// Why, without anything that the client should not know.
        reason: String,
    },
}

/// What a connection asks for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerOutput {
    /// Send this text frame. Whoever does bounds what waits for the socket, and drops the connection of a client that does not read:
    /// there is nothing to undo, it comes back and pulls.
    Send(String),
    /// Read from the log, and answer with [`ServerInput::Page`]. Answers may come in any order.
    Read(Read),
    /// Push to the log, and answer with [`ServerInput::Pushed`]. Pushes of one connection keep their order. Once begun, a push goes on
    /// whatever happens to the connection.
    Push(Push),
    /// Close the connection. Comes last.
    Close(Close),
}

/// A read of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Names it in the answer.
    pub key: ReadKey,
    /// Events after this number.
    pub after: u64,
    /// At most so many events, but with [`Groups::Whole`] at least the first commit group to its end.
    pub events_max: usize,
    /// At most so many bytes, but at least one event, or one group.
    pub bytes_max: usize,
    /// Whether a page may cut a group. [`PageBuilder`](crate::PageBuilder) does as this asks.
    pub groups: Groups,
}

/// A push that [`check_push`](crate::check_push) found in order; the log, the backend id and the application are the store's to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Names it in the answer.
    pub key: PushKey,
    /// The events; at least one.
    pub batch: Vec<Event>,
    /// The backend that the client knows.
    pub backend_id: Option<Box<str>>,
    /// The application's sync payload, as this request repeats it. Not authenticated.
    pub payload: Option<RawJson>,
}

impl PushVerdict {
    pub(super) fn failure(self, provided: u64, received: Option<Box<str>>) -> Result<u64, Failure> {
        match self {
            Self::Accepted { head } => Ok(head),
            Self::ServerAhead { head } => Err(Failure::ServerAhead { head, provided }),
            Self::OtherBackend { backend_id } => Err(Failure::BackendIdMismatch {
                expected: backend_id.as_str().into(),
                received: received.unwrap_or_default(),
            }),
            Self::Rejected { number, reason } => Err(Failure::rejected(number, reason)),
            Self::Failed { reason } => Err(Failure::unknown(&reason)),
        }
    }
}

/// Why a connection is closed, as the close frame of a WebSocket says it. Clients of sync-cf 0.4.0 come back after any code
/// (measured); what they do not survive is an end of their live pull while the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: u16,
    /// The reason, at most [`Close::REASON_LEN_MAX`] bytes.
    pub reason: String,
}

impl Close {
    /// The most bytes of a reason: a close frame holds 125, two of them for the code.
    pub const REASON_LEN_MAX: usize = 123;
    /// The server goes away.
    pub const GOING_AWAY: u16 = 1001;
    /// The client broke the protocol.
    pub const PROTOCOL: u16 = 1002;
    /// Bytes that are no frame.
    pub const BAD_DATA: u16 = 1007;
    /// Something that is not allowed, or not done for too long.
    pub const POLICY: u16 = 1008;
    /// A frame that is too large.
    pub const TOO_LARGE: u16 = 1009;
    /// The server has trouble of its own.
    pub const INTERNAL: u16 = 1011;
    /// The client may not, or not any more. This project's own code.
    pub const UNAUTHORIZED: u16 = 4401;

    /// With a reason, which is cut to what fits.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason: String = reason.into();
        let mut end = reason.len().min(Self::REASON_LEN_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        reason.truncate(end);
        Self { code, reason }
    }

    pub(super) fn of(error: &DecodeError) -> Self {
        let code = match error {
            DecodeError::TooLarge { .. } | DecodeError::TooMany { .. } => Self::TOO_LARGE,
            DecodeError::NotUtf8 { .. } | DecodeError::NotJson { .. } => Self::BAD_DATA,
            DecodeError::TooDeep { .. } | DecodeError::UnknownEnvelope { .. } | DecodeError::Malformed { .. } => {
                Self::PROTOCOL
            }
        };
        Self::new(code, error.to_string())
    }
}
