//! The server's side of a connection, without a socket, a clock or a store.

mod chunk;
mod connection;
mod http;
mod pull;
mod types;

pub use chunk::PageKey;
pub use connection::ServerConnection;
pub use http::{HttpExchange, HttpOutput};
pub use types::{
    Close, LogEvent, LogPage, Push, PushKey, PushVerdict, Read, ReadKey, ServerInput, ServerOptions, ServerOutput,
};
