//! Connects a store to a sync backend over WebSocket or HTTP.
//!
//! [`connect`] makes a provider of a URL, to be given to the store's builder: `ws://` and `wss://` keep a WebSocket open, over which
//! events come as they are made; `http://` and `https://` ask every few seconds, which gets through what lets no WebSocket through.
//! Both speak to this project's server and to that of TypeScript LiveStore (sync-cf 0.4.0), and share stores with TypeScript clients.
//!
//! ```no_run
//! use livestore::*;
//! # #[event("v1.Added")] pub struct Added { pub id: String }
//! # #[table("items")] pub struct Item { #[column(primary_key)] pub id: String }
//! # #[schema(events(Added), tables(Item))] pub struct App;
//! # #[materializers] impl App { fn added(Added { id }: Added) -> impl IntoWrites { Item { id }.insert() } }
//!
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let backend = livestore_sync_client::connect("ws://127.0.0.1:8787")?;
//! let store = Store::<App>::builder(native("data"), "todos").sync(backend).open()?;
//! # Ok(()) }
//! ```
//!
//! # Who connects
//!
//! A token goes into the `Authorization` header, never into a URL. It is asked for on each connect, so that one that expired is
//! renewed while the store stays open:
//!
//! ```
//! # fn renew() -> Result<String, std::io::Error> { Ok("secret".into()) }
//! use livestore_sync_client::{SyncClient, SyncError};
//!
//! let backend = SyncClient::builder("wss://sync.example.com")
//!     .token_with(|| renew().map_err(|error| SyncError::Unauthorized { reason: error.to_string() }))
//!     .build()?;
//! assert!(!format!("{backend:?}").contains("secret"));
//! # Ok::<(), livestore_sync_client::SetupError>(())
//! ```
//!
//! Servers of TypeScript LiveStore look for it in the sync payload: [`SyncClientBuilder::token_in_payload`].
//!
//! # When it does not work
//!
//! The store connects again by itself, with growing waits; this crate reports why a connection ended, as the [`SyncError`] that
//! `sync_status` shows: `Offline` where nobody answers, `Unauthorized` where the backend does not let this client in, and `Protocol`
//! where what answers is no sync backend (a page of HTML, say), speaks no TLS, or its certificate is not to be trusted. Redirects are not followed: credentials would
//! go with them.
//!
//! Each connection is a thread of its own, which sleeps until something happens and ends with its connection: over a WebSocket at
//! once, also while it connects, but for the resolution of the host's name; over HTTP with the request under way, at most after its
//! timeout. Proxies are not looked for in the environment.

mod address;
mod builder;
mod client;
mod convert;
mod credentials;
mod end;
mod error;
mod http_sync;
mod mailbox;
mod refusal;
mod tls;
mod websocket;

pub use builder::SyncClientBuilder;
pub use client::{SyncClient, connect};
pub use error::SetupError;
#[doc(no_inline)]
pub use livestore::SyncError;
pub use livestore_sync_protocol::Transport;

/// For the simulator: how the words of a store become those of the wire, and back. Not part of the interface.
#[doc(hidden)]
pub mod __testing {
    pub use crate::convert::{Said, output, request};
}
