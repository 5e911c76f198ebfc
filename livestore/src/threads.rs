//! What threads share and wait with: the standard library's, or, with the feature `shuttle`, what a scheduler can run in any order.

#[cfg(not(feature = "shuttle"))]
mod standard {
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic, mpsc};
    pub(crate) use std::thread::{Builder, JoinHandle, ThreadId, current};
    pub(crate) use std::thread_local;
    pub(crate) use std::time::Instant;

    /// An address of this thread's own tells it from the others; 0 is no thread.
    pub(crate) fn this_thread() -> usize {
        std::thread_local!(static MARK: u8 = const { 0 });
        MARK.with(|mark| std::ptr::from_ref(mark) as usize)
    }
}

/// When a wait of this length ends. One that a caller means to be without an end may be longer than a clock counts.
pub(crate) fn deadline(wait: std::time::Duration) -> Instant {
    const LONGEST: std::time::Duration = std::time::Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + wait.min(LONGEST)
}

#[cfg(feature = "shuttle")]
mod shuttled;

#[cfg(feature = "shuttle")]
pub(crate) use shuttled::*;
#[cfg(not(feature = "shuttle"))]
pub(crate) use standard::*;
