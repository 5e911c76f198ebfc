use crate::{BackendId, Cause, Close, DecodeError, Event, Failure, Limits, PageInfo, RawJson};
use std::time::Duration;

/// How a client treats its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// The store.
    pub store_id: String,
    /// The application's sync payload, which every request repeats.
    pub payload: Option<RawJson>,
    /// What it takes from the server.
    pub limits: Limits,
    /// How often to ask whether the server is there, from the beginning on.
    pub ping_interval: Duration,
    /// How long the answer may take; any frame is one.
    pub ping_timeout: Duration,
    /// How long the first page of a pull, or the next one after an ack, may take where more was announced.
    pub pull_timeout: Duration,
    /// How long the answer to a push may take.
    pub push_timeout: Duration,
    /// The most pages that are not taken yet. A server that waits for acks keeps to one; that of sync-cf 0.4.0 sends news without.
    pub pages_max: usize,
}

impl ClientOptions {
    /// For a store, with the times of sync-cf 0.4.0.
    #[must_use]
    pub fn new(store_id: impl Into<String>) -> Self {
        Self {
            store_id: store_id.into(),
            payload: None,
            limits: Limits::default(),
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
            pull_timeout: Duration::from_secs(20),
            push_timeout: Duration::from_secs(20),
            pages_max: 32,
        }
    }
}

/// What happens to a connection, or is asked of it.
#[derive(Clone, Debug)]
pub enum ClientInput<'a> {
    /// The socket stands.
    Open,
    /// A frame came, text or binary.
    Frame(&'a [u8]),
    /// The socket is closed, with the code and the reason of a close frame where there was one.
    Closed {
        /// The code.
        code: Option<u16>,
        /// The reason, or what the transport says.
        reason: String,
    },
    /// Pull the events after a number. Ends the pull before.
    Pull {
        /// The number of the last event that is held; 0 for none.
        after: u64,
        /// The backend that is known.
        backend_id: Option<BackendId>,
        /// Whether events to come are wanted too.
        live: bool,
    },
    /// Push these events. One push at a time; another one meanwhile is answered as [`Refusal::Busy`].
    Push {
        /// The backend that is known.
        backend_id: Option<BackendId>,
        /// In order, without gaps; whole commit groups.
        events: Vec<Event>,
    },
    /// Ask whether the server is there.
    Ping,
    /// A frame is on its way, in either direction: its bytes move, slowly. The waits for answers begin again.
    Moving,
    /// The oldest page that was given out is dealt with: the next one may come.
    PageTaken,
    /// Time passed.
    Tick,
}

/// What a connection says, and asks for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutput {
    /// Send this text frame.
    Send(String),
    /// The connection stands.
    Connected,
    /// Events that follow what was pulled so far. Answer with [`ClientInput::PageTaken`] when it is dealt with.
    Page(Page),
    /// The push was accepted whole.
    Pushed,
    /// The push was refused.
    PushRefused(Refusal),
    /// The answer to [`ClientInput::Ping`].
    Pong,
    /// The connection is over: close the socket, and connect again when it is time. Comes last.
    Close(Disconnect),
}

/// A part of the server's log: gapless, and after everything that came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whose log it is. One that is not what was pulled for has no events.
    pub backend_id: BackendId,
    /// Whether the server keeps event ids and commit groups; where it does not, the events have none.
    pub keeps_identity: bool,
    /// The events.
    pub events: Vec<Event>,
    /// What follows.
    pub info: PageInfo,
    /// The number of the log's last event, where the server says it.
    pub head: Option<u64>,
}

/// Why a push was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not follow the log's end: pull, and push again on top.
    ServerAhead {
        /// The number of the log's last event.
        head: u64,
    },
    /// This event will never be taken.
    Rejected {
        /// The number that it was pushed with.
        number: u64,
        /// Why.
        reason: String,
    },
    /// This is another backend.
    OtherBackend {
        /// Its id.
        found: BackendId,
    },
    /// It could not be done now. Try again later, with growing waits.
    Busy {
        /// Why.
        reason: String,
    },
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disconnect {
    /// The server is not there, or not any more.
    #[error("offline: {reason}")]
    Offline {
        /// Why.
        reason: String,
    },
    /// The server does not let this client in, or not any more.
    #[error("not authorized: {reason}")]
    Unauthorized {
        /// What it says.
        reason: String,
    },
    /// The server does not keep to the protocol.
    #[error("the server broke the protocol: {reason}")]
    Protocol {
        /// What it did.
        reason: String,
    },
}

impl Disconnect {
    pub(super) fn offline(reason: impl Into<String>) -> Self {
        Self::Offline { reason: reason.into() }
    }

    pub(super) fn protocol(reason: impl Into<String>) -> Self {
        Self::Protocol { reason: reason.into() }
    }

    pub(super) fn of(error: &DecodeError) -> Self {
        Self::protocol(error.to_string())
    }

    pub(super) fn closed(code: Option<u16>, reason: &str) -> Self {
        let reason = crate::error::excerpt(reason);
        match code {
            Some(Close::UNAUTHORIZED) => Self::Unauthorized { reason },
            Some(code @ (Close::PROTOCOL | Close::BAD_DATA | Close::TOO_LARGE)) => {
                Self::protocol(format!("it closed the connection with code {code}: {reason}"))
            }
            Some(code) => Self::offline(format!("closed with code {code}: {reason}")),
            None => Self::Offline { reason },
        }
    }
}

/// How a failed request ended.
pub(super) enum Ended {
    OtherBackend(BackendId),
    ServerAhead(u64),
    Rejected { number: u64, reason: String },
    Failed(String),
    Died(String),
}

impl Ended {
    pub(super) fn of(cause: &Cause) -> Self {
        match (cause.failure(), cause.defect()) {
            (Some(Failure::ServerAhead { head, .. }), _) => Self::ServerAhead(*head),
            // An id that is no id is nothing to keep, and nothing to compare.
            (Some(Failure::BackendIdMismatch { expected, .. }), _) => match BackendId::new(expected) {
                Ok(found) => Self::OtherBackend(found),
                Err(error) => Self::Died(error.to_string()),
            },
            (Some(Failure::Unknown { rejected: Some(rejection), .. }), _) => {
                let reason = crate::error::excerpt(&rejection.reason);
                Self::Rejected { number: rejection.number, reason }
            }
            (Some(failure @ (Failure::Unknown { .. } | Failure::Other(_))), _) => Self::Failed(failure.message()),
            (None, Some(defect)) => Self::Died(crate::error::excerpt(defect.text())),
            (None, None) => Self::Failed("the server interrupted the request".into()),
        }
    }
}
