//! Tests of the workspace as a user meets it, see `tests/`; and what they share.

pub mod dump;
pub mod history;
pub mod items;
pub mod ledger;
pub mod notes;
pub mod rng;
pub mod scratch;
pub mod session;
pub mod sync_logs;
pub mod sync_plan;
pub mod sync_world;
pub mod wire_backend;
pub mod zoo;

pub use livestore_sim::fault_vfs;

/// The examples of the README compile and run.
#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
pub struct Readme;
