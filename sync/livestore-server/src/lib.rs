//! The sync backend of LiveStore: orders the events of many clients into one log per store.
//!
//! The program `livestore-server` is made of this library; an application that has a server of its own embeds it. A
//! [`Server`](serve::Server) puts a [`Storage`](storage::Storage) behind WebSocket and HTTP; a [`Gate`](auth::Gate) asks hooks of yours
//! who somebody is, what they may, and whether an event may go into the log; [`serve`](serve::serve) runs it on a listener, and
//! [`Server::router`](serve::Server::router) mounts it in an axum application.
//!
//! ```
//! use livestore_server::auth::{EventValidator, EventVerdict, Gate, HookFuture, Principal, Refusal};
//! use livestore_server::limits::ServerLimits;
//! use livestore_server::serve::{Server, serve};
//! use livestore_server::storage::{SqliteStorage, Synchronous};
//! use livestore_sync_protocol::Event;
//! use std::sync::Arc;
//! use tokio::net::TcpListener;
//!
//! /// Todos are short.
//! #[derive(Debug)]
//! struct Short;
//!
//! impl EventValidator for Short {
//!     fn validate<'a>(
//!         &'a self,
//!         _: &'a Principal,
//!         _store_id: &'a str,
//!         event: &'a Event,
//!     ) -> HookFuture<'a, Result<EventVerdict, Refusal>> {
//!         // The args as JSON text, byte for byte as the client wrote them.
//!         let is_short = event.args.as_ref().is_none_or(|args| args.text().len() <= 1_000);
//!         let verdict = match is_short {
//!             true => EventVerdict::Accept,
//!             false => EventVerdict::Reject { reason: "a todo is at most 1,000 bytes long".into() },
//!         };
//!         Box::pin(async { Ok(verdict) })
//!     }
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let limits = ServerLimits::default();
//! // Everybody may connect, so it listens on its own machine only; `Gate::new` takes who says more.
//! let gate = Gate::without_auth(&limits).with_validator(Arc::new(Short));
//! let storage = SqliteStorage::open(dir, Synchronous::Full)?;
//! let server = Server::builder(Arc::new(storage)).limits(limits).gate(gate).build();
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! println!("ws://{}", listener.local_addr()?);
//!
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let running = tokio::spawn(serve(listener, server, async { drop(stopped.await) }));
//! // Later: clients are told to come back, and what was begun is stored.
//! drop(stop);
//! running.await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`archive`] exports, imports and checks logs; the README says how to run the program.
#![forbid(unsafe_code)]

pub mod archive;
pub mod auth;
pub mod hub;
pub mod limits;
pub mod log;
mod metrics;
pub mod serve;
pub mod storage;
