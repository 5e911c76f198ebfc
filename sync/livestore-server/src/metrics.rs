//! What the servers of this process did, in numbers: the text that Prometheus reads.
//!
//! The counters belong to the process, as the process is what is watched. They hold no name of a store, a principal or an address,
//! so that they tell a stranger little and stay few; [`Server::metrics`](crate::serve::Server::metrics) writes them all.

mod measured;
mod number;
mod write;

pub(crate) use measured::Measured;
pub(crate) use number::{Counter, HighWater, Histogram};
pub(crate) use write::Text;

use crate::auth::Refusal;
use crate::log::Verdict;
use livestore_sync_protocol::PushVerdict;

/// All of this process.
pub(crate) static METRICS: Metrics = Metrics::new();

/// How often something ended in one of these ways.
type Ways<const N: usize> = [(&'static str, Counter); N];

pub(crate) struct Metrics {
    pub(crate) bytes_received: Counter,
    pub(crate) bytes_sent: Counter,
    /// Answers to requests, those that became WebSockets among them, by class of status.
    pub(crate) requests: Ways<5>,
    /// By reason: connections that were not let in or lost their right, and pushes that were not allowed.
    pub(crate) auth_refusals: Ways<3>,
    /// Requests beyond the limits of connections.
    pub(crate) connections_refused: Counter,
    /// Pushes by verdict.
    pub(crate) pushes: Ways<6>,
    pub(crate) events: Counter,
    pub(crate) pages: Counter,
    pub(crate) events_sent: Counter,
    pub(crate) slow_readers: Counter,
    pub(crate) waiting_pushes: HighWater,
    pub(crate) append: Histogram,
    pub(crate) storage_errors: Counter,
}

impl Metrics {
    const fn new() -> Self {
        Self {
            bytes_received: Counter::new(),
            bytes_sent: Counter::new(),
            requests: [
                ("1xx", Counter::new()),
                ("2xx", Counter::new()),
                ("3xx", Counter::new()),
                ("4xx", Counter::new()),
                ("5xx", Counter::new()),
            ],
            auth_refusals: [
                ("unauthenticated", Counter::new()),
                ("forbidden", Counter::new()),
                ("unavailable", Counter::new()),
            ],
            connections_refused: Counter::new(),
            pushes: [
                ("accepted", Counter::new()),
                ("server_ahead", Counter::new()),
                ("other_backend", Counter::new()),
                ("rejected", Counter::new()),
                ("failed", Counter::new()),
                ("unknown", Counter::new()),
            ],
            events: Counter::new(),
            pages: Counter::new(),
            events_sent: Counter::new(),
            slow_readers: Counter::new(),
            waiting_pushes: HighWater::new(),
            append: Histogram::new(),
            storage_errors: Counter::new(),
        }
    }

    pub(crate) fn answered(&self, status: u16) {
        count(&self.requests, usize::from(status / 100).saturating_sub(1));
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        let way = match refusal {
            Refusal::Unauthenticated { .. } => 0,
            Refusal::Forbidden { .. } => 1,
            Refusal::Unavailable { .. } => 2,
        };
        count(&self.auth_refusals, way);
    }

    pub(crate) fn judged(&self, verdict: &Verdict) {
        let way = match verdict {
            Verdict::Judged(PushVerdict::Accepted { .. }) => 0,
            Verdict::Judged(PushVerdict::ServerAhead { .. }) => 1,
            Verdict::Judged(PushVerdict::OtherBackend { .. }) => 2,
            Verdict::Judged(PushVerdict::Rejected { .. }) => 3,
            Verdict::Judged(PushVerdict::Failed { .. }) => 4,
            Verdict::Unknown => 5,
        };
        count(&self.pushes, way);
    }

    /// An event validator rejected a push, before its store was asked.
    pub(crate) fn rejected(&self) {
        count(&self.pushes, 3);
    }
}

fn count<const N: usize>(ways: &Ways<N>, way: usize) {
    if let Some((_, counter)) = ways.get(way) {
        counter.add(1);
    }
}
