//! The text format of Prometheus, version 0.0.4.

use super::{Histogram, METRICS, Ways};
use std::fmt::Write as _;

/// What is written so far.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// With all that is counted in this process.
    pub(crate) fn of_process() -> Self {
        let mut text = Self::default();
        let metrics = &METRICS;
        text.counter("bytes_received_total", "Bytes that clients sent", metrics.bytes_received.get());
        text.counter("bytes_sent_total", "Bytes that were sent to clients", metrics.bytes_sent.get());
        text.ways("requests_total", "Answers to requests by class of status", "status", &metrics.requests);
        text.ways("auth_refusals_total", "What somebody was not allowed", "reason", &metrics.auth_refusals);
        let refused = metrics.connections_refused.get();
        text.counter("connections_refused_total", "Requests beyond the limits of connections", refused);
        text.ways("pushes_total", "Pushes by verdict", "verdict", &metrics.pushes);
        text.counter("events_accepted_total", "Events that were stored", metrics.events.get());
        text.counter("pull_pages_total", "Parts of logs that were read for clients", metrics.pages.get());
        text.counter("events_pulled_total", "Events that were read for clients", metrics.events_sent.get());
        text.counter("slow_readers_total", "Clients that were let go as they did not read", metrics.slow_readers.get());
        let waiting = metrics.waiting_pushes.get();
        text.gauge("store_queue_high_water", "The most pushes that ever waited for one store", waiting);
        text.histogram("storage_append_seconds", "How long the storage took to append a push", &metrics.append);
        text.counter("storage_errors_total", "What the storage could not do", metrics.storage_errors.get());
        text
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        self.line(name, "", value);
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.line(name, "", value);
    }

    fn ways<const N: usize>(&mut self, name: &str, help: &str, label: &str, ways: &Ways<N>) {
        self.head(name, help, "counter");
        for (way, counter) in ways {
            self.line(name, &format!("{{{label}=\"{way}\"}}"), counter.get());
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, help, "histogram");
        // Others count on meanwhile; still no bucket may have more than all.
        let mut most = 0;
        for (bound, count) in histogram.cumulated() {
            most = count;
            self.line(&format!("{name}_bucket"), &format!("{{le=\"{}\"}}", seconds(bound)), count);
        }
        let count = histogram.count().max(most);
        self.line(&format!("{name}_bucket"), "{le=\"+Inf\"}", count);
        self.line(&format!("{name}_sum"), "", seconds(histogram.sum_us()));
        self.line(&format!("{name}_count"), "", count);
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = write!(self.0, "# HELP livestore_{name} {help}.\n# TYPE livestore_{name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "livestore_{name}{labels} {value}");
    }
}

/// Exact, without floating point.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}
