//! What hostile clients, slow clients, broken hooks and failing storages do to a server, and to the clients beside them.

#![allow(clippy::print_stdout, reason = "figures and seeds are for whoever looks at a run")]

#[path = "../support/mod.rs"]
mod support;

mod faulty;
mod frames;
mod hooks;
mod http;
mod kill;
mod oracle;
mod pace;
mod postgres;
mod shared;
mod slow;
