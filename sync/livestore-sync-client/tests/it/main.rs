//! The client against servers that say what a test has them say.

mod client;
mod endings;
mod frames;
mod handshake;
mod http;
mod server;
mod tls;
