//! A world for tests of interoperation: this project's server, unmodified TypeScript clients from npm, stores in Rust, and
//! networks between them that can be cut.
//!
//! A test begins with [`World::start`], which is `None` where Node is missing: it says so, and with `CI` set it fails. Most tests are
//! for CI alone, and begin with [`World::start_in_ci`].
//! Whatever does not come in time, or any other failed assertion, shows what all sides said.
#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "what a test harness cannot do fails the test")]

mod bell;
mod client;
mod network;
mod node;
mod process;
mod rust;
mod server;
mod typescript;
mod world;

pub use client::{Client, Note};
pub use network::Network;
pub use process::ServerProcess;
pub use rust::schema;
pub use rust::{App, Rust};
pub use server::Server;
pub use typescript::{Setup, TypeScript};
pub use world::{PATIENCE, World};
