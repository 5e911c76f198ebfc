//! What all clients of a run share.

use crate::args::Args;
use crate::pages::Pages;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// Handshakes that are under way at once: a server's own accept queue is no part of what is measured.
const HANDSHAKES: usize = 64;
/// Problems that are kept as text.
const PROBLEMS: usize = 10;

/// What the clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Connect, and pull what is there.
    Connecting,
    /// Commit and push.
    Running { begin: Instant },
    /// Push what is committed.
    Settling,
    /// Get what the others pushed.
    Ending,
    /// It takes too long.
    Over,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) id: String,
    /// The number of the last event that anybody knows of.
    head: AtomicU64,
    pub(crate) pages: Pages,
}

impl Store {
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Relaxed)
    }

    pub(crate) fn reached(&self, head: u64) {
        self.head.fetch_max(head, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) args: Args,
    pub(crate) run: u64,
    pub(crate) epoch: Instant,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) stores: Vec<Store>,
    pub(crate) handshakes: Semaphore,
    pub(crate) ready: AtomicUsize,
    pub(crate) settled: AtomicUsize,
    pub(crate) taken: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) reconnects: AtomicU64,
    pub(crate) violations: AtomicU64,
    problems: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(args: Args, run: u64) -> Self {
        let prefix = args.prefix.clone().unwrap_or_else(|| format!("load-{run:x}"));
        let store =
            |number| Store { id: format!("{prefix}-{number}"), head: AtomicU64::new(0), pages: Pages::default() };
        Self {
            stores: (0..args.stores).map(store).collect(),
            args,
            run,
            epoch: Instant::now(),
            phase: watch::Sender::new(Phase::Connecting),
            handshakes: Semaphore::new(HANDSHAKES),
            ready: AtomicUsize::new(0),
            settled: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
            violations: AtomicU64::new(0),
            problems: Mutex::default(),
        }
    }

    /// Microseconds of the run.
    pub(crate) fn micros(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.epoch).as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn problem(&self, text: String) {
        let mut problems = self.problems();
        if problems.len() < PROBLEMS && !problems.contains(&text) {
            problems.push(text);
        }
    }

    pub(crate) fn problems(&self) -> MutexGuard<'_, Vec<String>> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
