//! The protocol against recorded traffic, and against bytes that nobody would send.

mod capture;
mod golden;
mod hostile;
mod limits;
mod random;
mod replay;
mod rng;
mod server;
mod store;
mod url;
