//! Marks: what has to happen sometimes, or the figures mean nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local!(static MARKS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) });

/// What the simulator and [`Notes`](crate::Notes) mark: each has to be hit within some hundred seeds.
pub const EXPECTED: [&str; 27] = [
    "a backend comes with a copy of the log",
    "a backend loses events",
    "a client crashes with events pending",
    "a client ends between two durable steps",
    "a client in memory stops at another backend",
    "a client is opened again at the end",
    "a client stops at another backend",
    "a clock goes back",
    "a clock jumps ten years",
    "a clock stands still",
    "a commit is refused at once",
    "a group is quarantined",
    "a live query is right at rest",
    "a page comes twice",
    "a receipt tells of a quarantine",
    "a receipt tells of a rejection",
    "a receipt tells what is provisional",
    "a request is dropped",
    "a session closes while the backend is away",
    "a store does not open while its disk fails",
    "an answer is dropped",
    "an empty backend comes",
    "messages stand still with events pending",
    "the disk fails",
    "the last session of a client closes",
    "what another backend does not hold is kept aside",
    "what is of its client alone survives a crash",
];

/// What is marked where the backend is this project's server.
#[cfg(feature = "server")]
pub const EXPECTED_OF_SERVERS: [&str; 7] = [
    "a server cannot read its log",
    "a server cannot store for now",
    "a server compares a push with its log",
    "a server does not know whether it stored",
    "a server ends between storing and answering",
    "a server ends with a push under way",
    "a server tells that it is ahead",
];
/// Without servers there is nothing to mark.
#[cfg(not(feature = "server"))]
pub const EXPECTED_OF_SERVERS: [&str; 0] = [];

/// Those of [`EXPECTED`] and [`EXPECTED_OF_SERVERS`] that are not among these.
#[must_use]
pub fn missing(marks: &BTreeMap<&'static str, u64>) -> Vec<&'static str> {
    EXPECTED.into_iter().chain(EXPECTED_OF_SERVERS).filter(|name| !marks.contains_key(name)).collect()
}

/// Counts a mark on this thread. Written as [`sometimes!`](crate::sometimes).
pub fn hit(name: &'static str) {
    MARKS.with_borrow_mut(|marks| *marks.entry(name).or_default() += 1);
}

/// Takes what this thread counted.
#[must_use]
pub fn take() -> BTreeMap<&'static str, u64> {
    MARKS.take()
}

/// Marks something that has to happen in some run, if a condition holds: `sometimes!("a rebase", status.rebases > 0)`. The marks
/// that were hit are in [`Report::marks`](crate::Report::marks).
#[macro_export]
macro_rules! sometimes {
    ($name:literal) => {
        $crate::marks::hit($name)
    };
    ($name:literal, $condition:expr) => {
        if $condition {
            $crate::marks::hit($name)
        }
    };
}
