//! The suite for adapters.
//!
//! It opens stores of an application of its own through the adapter, and looks at them as any application would.

mod app;
pub mod boot;
pub mod isolation;
pub mod leadership;
pub mod persistence;
mod process;
pub mod sessions;
pub mod shutdown;

pub use process::serve;

use crate::report::{Entry, Miss, Report};
use livestore::Adapter;
use std::process::Command;

/// An adapter to be tested: how to reach it, and what it can do at all.
pub trait Subject: Sync {
    /// The adapter.
    type Adapter: Adapter + Send + 'static;
    /// Where its data lives, such as a directory. It is cleaned up when it is dropped.
    type Place: Sync;

    /// A new, empty place.
    fn place(&self) -> Self::Place;

    /// The adapter of this place. All adapters of one place are one client.
    fn adapter(&self, place: &Self::Place) -> Self::Adapter;

    /// Whether data outlives the last handle.
    fn is_persistent(&self) -> bool {
        false
    }

    /// A program that opens the store in this place and calls [`serve`]; `None` where processes cannot share a place.
    fn process(&self, _place: &Self::Place, _store_id: &str) -> Option<Command> {
        None
    }

    /// Is told of each point as it ends, for a run that is watched: all of them can take half a minute. `eprint!("{entry}")`, for
    /// example.
    fn ended(&self, _entry: &Entry) {}
}

/// Checks every point.
pub fn run<S: Subject>(subject: &S) -> Report {
    let points = [
        boot::points(),
        persistence::points(),
        sessions::points(),
        leadership::points(),
        shutdown::points(),
        isolation::points(),
    ];
    crate::suite::run(subject, points.into_iter().flatten().collect(), |entry| subject.ended(entry))
}

fn needs_persistence<S: Subject>(subject: &S) -> Result<(), Miss> {
    if subject.is_persistent() { Ok(()) } else { Err(Miss::not_applicable("it keeps nothing")) }
}
