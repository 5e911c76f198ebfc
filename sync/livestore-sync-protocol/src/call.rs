use crate::json::not_json;
use crate::message::{Batch, PingWire, PullWire, PushWire};
use crate::{DecodeError, Event, Limits, PingRequest, PullRequest, PushRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// How a client reaches its backend. Names the methods and stands in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket: pulls are live, pages are acknowledged.
    WebSocket,
    /// HTTP: one request, one answer; live is polling.
    Http,
}

impl Transport {
    /// As it stands in the URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "ws",
            Self::Http => "http",
        }
    }

    const fn method_prefix(self) -> &'static str {
        match self {
            Self::WebSocket => "SyncWsRpc.",
            Self::Http => "SyncHttpRpc.",
        }
    }
}

/// A call of a sync method: what a request envelope carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Pull events. Answered by chunks, and by an exit where it is not live.
    Pull(PullRequest),
    /// Push events. Answered by an exit.
    Push(PushRequest),
    /// Is anybody there? Over HTTP only; over a WebSocket it is an envelope of its own. Answered by an exit.
    Ping(PingRequest),
}

/// Why a request is not a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no such method.
    #[error("unknown request tag: {method}")]
    UnknownMethod {
        /// What it was called, cut.
        method: String,
    },
    /// The payload is not what the method takes.
    #[error("{0}")]
    Payload(#[from] DecodeError),
}

impl Call {
    /// The method's name.
    #[must_use]
    pub const fn method(&self, transport: Transport) -> &'static str {
        match (transport, self) {
            (Transport::WebSocket, Self::Pull(_)) => "SyncWsRpc.Pull",
            (Transport::WebSocket, Self::Push(_)) => "SyncWsRpc.Push",
            (Transport::WebSocket, Self::Ping(_)) => "SyncWsRpc.Ping",
            (Transport::Http, Self::Pull(_)) => "SyncHttpRpc.Pull",
            (Transport::Http, Self::Push(_)) => "SyncHttpRpc.Push",
            (Transport::Http, Self::Ping(_)) => "SyncHttpRpc.Ping",
        }
    }

    /// The store that it names.
    #[must_use]
    pub fn store_id(&self) -> &str {
        match self {
            Self::Pull(pull) => &pull.store_id,
            Self::Push(push) => &push.store_id,
            Self::Ping(ping) => &ping.store_id,
        }
    }

    pub(crate) fn decode(
        method: &str,
        payload: &RawValue,
        transport: Transport,
        limits: &Limits,
    ) -> Result<Self, CallError> {
        let kind = method.strip_prefix(transport.method_prefix()).unwrap_or_default();
        match (kind, transport) {
            ("Pull", _) => {
                let wire = read::<PullWire>("pull", payload)?;
                Ok(Self::Pull(PullRequest::from_wire(wire, limits)?))
            }
            ("Push", _) => {
                let wire = read::<PushWire<Batch<Event>>>("push", payload)?;
                Ok(Self::Push(PushRequest::from_wire(wire, limits)?))
            }
            ("Ping", Transport::Http) => {
                Ok(Self::Ping(PingRequest::from_wire(read::<PingWire>("ping", payload)?, limits)?))
            }
            _ => Err(CallError::UnknownMethod { method: crate::error::excerpt(method) }),
        }
    }
}

fn read<T: DeserializeOwned>(what: &'static str, payload: &RawValue) -> Result<T, DecodeError> {
    serde_json::from_str(payload.get()).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => DecodeError::malformed(what, error),
        _ => not_json(error),
    })
}

impl Serialize for Call {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Pull(pull) => pull.serialize(serializer),
            Self::Push(push) => push.serialize(serializer),
            Self::Ping(ping) => ping.serialize(serializer),
        }
    }
}
