//! The suite for sync providers.
//!
//! It drives a provider as the leader of a store would, against a backend that the subject starts, and cuts, closes and
//! replaces that backend in between. It assumes nothing about time: whatever has to come is waited for, up to a generous bound.
//!
//! ```
//! use livestore::MemoryBackend;
//! use livestore_conformance::sync::{self, Subject};
//!
//! struct InMemory;
//!
//! impl Subject for InMemory {
//!     type Provider = MemoryBackend;
//!     type Backend = MemoryBackend;
//!
//!     fn backend(&self) -> MemoryBackend {
//!         MemoryBackend::new()
//!     }
//!
//!     fn provider(&self, backend: &MemoryBackend) -> MemoryBackend {
//!         backend.clone()
//!     }
//! }
//!
//! let report = sync::pull::run(&InMemory);
//! report.assert_passed();
//! assert!(report.names_not_applicable().is_empty());
//! ```
//!
//! [`run`] checks every point. What needs a control that the subject does not offer is reported as not applicable.

mod client;
pub mod connection;
pub mod pull;
pub mod push;

use crate::report::{Check, Entry, Miss, Report};
use livestore::SyncProvider;
use std::time::Duration;

/// How long a subject is waited for, unless it says otherwise.
pub const PATIENCE: Duration = crate::suite::PATIENCE;

/// A provider to be tested, and what can be done to the backend behind it.
pub trait Subject: Sync {
    /// The provider.
    type Provider: SyncProvider;
    /// A running backend. It ends when it is dropped.
    type Backend;

    /// Starts a backend whose logs are empty.
    fn backend(&self) -> Self::Backend;

    /// A provider that connects to it.
    fn provider(&self, backend: &Self::Backend) -> Self::Provider;

    /// Whether the backend keeps event ids and commit groups.
    fn keeps_identity(&self) -> bool {
        true
    }

    /// Cuts all connections; new ones come about as the door says. False where that cannot be done.
    fn disconnect(&self, _backend: &Self::Backend) -> bool {
        false
    }

    /// Says what becomes of new connections. False where that cannot be done.
    fn set_door(&self, _backend: &Self::Backend, _door: Door) -> bool {
        false
    }

    /// Puts another backend in the place of this one: another id, and empty logs. Connections may be cut. False where that cannot be done.
    fn replace_backend(&self, _backend: &Self::Backend) -> bool {
        false
    }

    /// How long a connection is left alone to see that it survives; longer than what cuts idle connections on the way.
    fn idle_time(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// How long anything may take that has to come. It bounds a failing run; a passing one never waits for it.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Is told of each point as it ends, for a run that is watched: all of them can take half a minute. `eprint!("{entry}")`, for
    /// example.
    fn ended(&self, _entry: &Entry) {}
}

/// What becomes of new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// They come about.
    Open,
    /// The backend cannot be reached.
    Offline,
    /// The backend lets nobody in.
    Unauthorized,
}

/// Checks every point.
pub fn run<S: Subject>(subject: &S) -> Report {
    let points = [connection::points(), pull::points(), push::points()];
    crate::suite::run(subject, points.into_iter().flatten().collect(), |entry| subject.ended(entry))
}

fn applies(is_done: bool, what: &str) -> Check {
    if is_done { Ok(()) } else { Err(Miss::not_applicable(&format!("the subject cannot {what}"))) }
}

fn needs_identity<S: Subject>(subject: &S) -> Check {
    applies(subject.keeps_identity(), "keep event ids and commit groups")
}
