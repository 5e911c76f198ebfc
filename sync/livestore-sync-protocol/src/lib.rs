//! The wire protocol between LiveStore clients and sync backends, without any input or output.
//!
//! It is the protocol that unmodified TypeScript clients of LiveStore speak: what is said of them and of their server was measured on
//! the published packages, `sync-cf` 0.4.0 among them, whose recorded traffic is under `tests/wire-vectors`. A client and a server
//! of this project find each other by a few optional fields that the others ignore.
//!
//! # Layers
//!
//! - [`ConnectRequest`]: the store, the transport and the application's payload, in the query of the URL.
//! - [`decode_client_frame`] and [`decode_server_frame`]: bytes of a WebSocket frame or an HTTP body become [`ClientEnvelope`]s and
//!   [`ServerEnvelope`]s. Any bytes give a value or a typed [`DecodeError`], within [`Limits`].
//! - [`Request::call`]: a request's method and payload become a [`Call`].
//! - [`PullResponse`], [`Event`], [`Failure`]: what calls are answered with.
//!
//! - [`check_push`], [`PageBuilder`], [`split_push`]: the rules of batches and pages that both sides keep.
//!
//! # Machines
//!
//! [`ServerConnection`] and [`HttpExchange`] are a server's side of a connection, [`ClientConnection`] is a client's: `step(input, now)`
//! returns what to send, what to ask and when it is over. They own no socket, no clock and no store, so the same code runs in a
//! server, in a client and in a simulator.
//!
//! There are two [`Dialect`]s of the envelope. The JSON type of a request's id tells which one a client speaks; what answers it is
//! written in the same one.
mod call;
mod check;
mod client;
mod connect;
mod envelope;
mod error;
mod event;
mod failure;
mod frame;
mod id;
mod json;
mod limits;
mod message;
mod page;
mod percent;
mod server;
mod time;

/// The payload of the WebSocket ping by which a server says that a frame of the client is on its way: it is slow, and moves.
pub const MOVING: &[u8] = b"moving";

pub use call::{Call, CallError, Transport};
pub use check::{BatchError, check_chain, check_groups, check_push};
pub use client::{ClientConnection, ClientInput, ClientOptions, ClientOutput, Disconnect, Page, Refusal};
pub use connect::{ConnectError, ConnectRequest};
pub use envelope::{Cause, ClientEnvelope, Exit, Request, ServerEnvelope};
pub use error::DecodeError;
pub use event::{Event, PulledEvent};
pub use failure::{Failure, Rejection};
pub use frame::{FrameBuffer, decode_client_frame, decode_server_frame};
pub use id::{BackendId, Dialect, EventId, RequestId, STORE_ID_LEN_MAX, check_store_id};
pub use json::RawJson;
pub use limits::Limits;
pub use message::{Capabilities, Cursor, PageInfo, PingRequest, PullRequest, PullResponse, PushRequest};
pub use page::{Groups, PageBuilder, split_push};
pub use server::{
    Close, HttpExchange, HttpOutput, LogEvent, LogPage, PageKey, Push, PushKey, PushVerdict, Read, ReadKey,
    ServerConnection, ServerInput, ServerOptions, ServerOutput,
};
pub use time::iso_timestamp;

pub(crate) use json::Optional;
