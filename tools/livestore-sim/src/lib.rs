//! A deterministic simulator: several clients of an application, a network, a backend, and everything that goes wrong between
//! them, in virtual time and decided by one seed.
//!
//! The clients are real stores with real SQLite, opened [pumped](livestore::StoreBuilder::pumped). Messages are encoded, delayed,
//! dropped with their connection, and decoded. Clients crash, also between two durable steps, and start again, sleep, close and open
//! sessions; their disks fail; clocks jump, go back and stand still; the backend goes away, lets nobody in, refuses events, loses
//! answers, is replaced, or is restored from an older copy. After each step the promises of the library are checked, and at the end
//! everything must come to rest with equal state everywhere, which a model of yours must have too.
//!
//! ```
//! use livestore_sim::{Notes, run};
//!
//! for seed in 0..3 {
//!     if let Err(failure) = run::<Notes>(seed) {
//!         panic!("{failure}"); // the seed, a shrunk script, and a test to paste
//!     }
//! }
//! ```
//!
//! Write a [`Workload`] for your own application: what it commits, its state as text, and a model of that state. [`Notes`] is one to
//! begin from. `cargo run -p livestore-sim -- --help` runs many seeds of it.
//!
//! What is checked, by the names that a failure gives: **O1** the backend's log is numbered without gaps, **O2** it only grows, and each
//! client's confirmed log is its beginning, **O3** the commits of a session keep their order, **O4** each is there once, or was
//! rejected, **O6** and whole; **C1** sessions that say they are synced have the state of the model, **C2** so have those that are opened
//! again or come new, **C3** to the last detail that a query can see, **C7** live queries deliver what a fresh run gives, and nothing
//! is missing at rest; **D1** what was committed survives the end of the process, and what
//! was refused is nowhere, **D2** a session closes in order, **D7** what another backend does not hold is still there, **D8** only a disk
//! that fails refuses commits; **L1** all comes to rest within a minute and the waits before retries, **L2** each receipt tells one
//! outcome, and the right one, **L3** and wakes who waits for it; **L5** nothing closes by itself, **L6** each of many writers
//! ([`Plan::contention`]) gets on; **S1** what is client-only reaches
//! neither the network nor the backend.
//!
//! With the feature `server` some seeds have this project's server for their backend: its log's owner and both ends of its wire
//! protocol as they are, over connections that are cut, a process that is killed and a storage that fails.
//!
//! Not simulated: several processes that share one directory. Sessions of a client are handles of one process.

mod act;
mod backend;
mod check;
mod client;
mod disk;
pub mod fault_vfs;
mod hear;
mod history;
pub mod marks;
mod network;
mod notes;
mod plan;
mod receipts;
mod rng;
mod run;
#[cfg(feature = "server")]
mod server;
mod shake;
mod workload;
mod world;
pub mod zoo;

pub use hear::Hear;
pub use network::{NetworkPlan, SimNetwork};
pub use notes::{Claimed, Counted, Counter, Line, Name, Notes, NotesSchema, View, Written};
pub use plan::{Action, Plan, Step};
pub use rng::Rng;
pub use run::{Failure, Report, replay, run, run_many, run_plan, run_plans};
pub use workload::{Tags, Workload};

/// FNV-1a, going on from a hash.
fn hash(from: u64, text: &str) -> u64 {
    text.bytes().fold(from, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The examples of the README compile and run.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
pub struct Readme;
