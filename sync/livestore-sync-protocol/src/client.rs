//! The client's side of a connection, without a socket or a clock.

mod connection;
mod pull;
mod push;
mod types;

pub use connection::ClientConnection;
pub use types::{ClientInput, ClientOptions, ClientOutput, Disconnect, Page, Refusal};
