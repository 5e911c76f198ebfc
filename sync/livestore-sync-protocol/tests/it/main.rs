//! The protocol against recorded traffic, and against bytes that nobody would send.

mod batch;
mod capture;
mod client;
mod golden;
mod hostile;
mod limits;
mod pair;
mod random;
mod replay;
mod rng;
mod seeds;
mod server;
mod store;
mod url;
