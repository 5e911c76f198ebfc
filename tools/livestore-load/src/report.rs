//! What a run found.

use crate::client::{Outcome, Role};
use crate::figures::Shared;
use crate::histogram::Histogram;
use crate::process;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What the processes used.
#[derive(Debug)]
pub(crate) struct Usage {
    server: Option<u32>,
    cpu: (Option<Duration>, Option<Duration>),
    server_cpu_s: Option<f64>,
    tool_cpu_s: Option<f64>,
    /// Of the server, in KiB: before anybody connected, when all were, and the most.
    memory: [Option<u64>; 3],
}

impl Usage {
    pub(crate) fn begin(server: Option<u32>) -> Self {
        let memory = server.and_then(process::memory_kib).map(|(now, _)| now);
        Self { server, cpu: (None, None), server_cpu_s: None, tool_cpu_s: None, memory: [memory, None, None] }
    }

    pub(crate) fn connected(&mut self) {
        self.cpu = self.now();
        self.memory[1] = self.server.and_then(process::memory_kib).map(|(now, _)| now);
    }

    pub(crate) fn end(&mut self) {
        let (server, tool) = self.now();
        let between = |end: Option<Duration>, begin: Option<Duration>| {
            end.zip(begin).map(|(end, begin)| end.saturating_sub(begin).as_secs_f64())
        };
        self.server_cpu_s = between(server, self.cpu.0);
        self.tool_cpu_s = between(tool, self.cpu.1);
        self.memory[2] = self.server.and_then(process::memory_kib).map(|(_, most)| most);
    }

    fn now(&self) -> (Option<Duration>, Option<Duration>) {
        (self.server.and_then(process::cpu), process::cpu(std::process::id()))
    }
}

/// Milliseconds that things took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Times {
    /// Half of them at most.
    pub p50_ms: f64,
    /// All but one in a hundred at most.
    pub p99_ms: f64,
    /// All of them at most.
    pub max_ms: f64,
}

impl Times {
    fn of(histogram: &Histogram) -> Self {
        let ms = |micros: u64| micros as f64 / 1_000.0;
        let [p50_ms, p99_ms] = [50, 99].map(|percent| ms(histogram.percentile(percent)));
        Self { p50_ms, p99_ms, max_ms: ms(histogram.max()) }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p50_ms, p99_ms, max_ms } = self;
        write!(f, "p50 {p50_ms:.2} ms   p99 {p99_ms:.2} ms   max {max_ms:.2} ms")
    }
}

/// The result, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Clients, those that read only among them.
    pub clients: usize,
    /// Stores that they were spread over.
    pub stores: usize,
    /// How long events were committed.
    pub seconds: f64,
    /// Events that were committed.
    pub committed: u64,
    /// Events that the server took, while events were committed.
    pub in_per_second: f64,
    /// Events that came to clients meanwhile.
    pub out_per_second: f64,
    /// From an event's commit to the answer of its push.
    pub ack: Times,
    /// From an event's commit to each client that follows.
    pub delivery: Times,
    /// Of clients that stop reading now and then.
    pub stalled_delivery: Option<Times>,
    /// Events that were committed and were not taken in the time to drain.
    pub unsettled: u64,
    /// Deliveries that did not happen in the time to drain.
    pub lost: u64,
    /// Stores whose clients do not hold the same log.
    pub diverged: usize,
    /// Gaps, repeats, events out of order.
    pub violations: u64,
    /// Connections that were lost and made again.
    pub reconnects: u64,
    /// The first problems, in words.
    pub problems: Vec<String>,
    /// CPU time of the server from the first commit to the last delivery, where its process is known.
    pub server_cpu_s: Option<f64>,
    /// Events taken per second of it.
    pub events_per_server_cpu_s: Option<f64>,
    /// The server's memory before anybody connected.
    pub server_kib_before: Option<u64>,
    /// When all were connected.
    pub server_kib_connected: Option<u64>,
    /// The most that it ever had.
    pub server_kib_max: Option<u64>,
    /// What connections added, each.
    pub server_kib_per_connection: Option<f64>,
    /// This tool's own CPU time.
    pub tool_cpu_s: Option<f64>,
    /// Processes that ran or waited to in the last minute, on the whole machine.
    pub machine_load: Option<f64>,
}

/// Whether two that hold as many events hold other ones. Clients that did not get all are counted elsewhere.
fn has_diverged(chains: &BTreeSet<(u64, u32)>) -> bool {
    chains.iter().zip(chains.iter().skip(1)).any(|(one, next)| one.0 == next.0)
}

impl Report {
    pub(crate) fn new(
        shared: &Shared,
        outcomes: &[Outcome],
        usage: &Usage,
        took: Duration,
        (taken, delivered): (u64, u64),
    ) -> Self {
        let (mut acks, mut deliveries, mut stalled) = (Histogram::default(), Histogram::default(), None);
        let mut chains: BTreeMap<usize, BTreeSet<(u64, u32)>> = BTreeMap::new();
        let (mut committed, mut unsettled, mut lost) = (0, 0, 0);
        for Outcome { role, store, book, acks: own_acks, deliveries: own } in outcomes {
            acks.merge(own_acks);
            match role {
                Role::Stalls => stalled.get_or_insert_with(Histogram::default).merge(own),
                Role::Pushes | Role::PushesBlind | Role::Reads => deliveries.merge(own),
            }
            committed += book.committed;
            unsettled += book.committed - book.next();
            if !book.is_blind {
                lost += shared.stores[*store].head().saturating_sub(book.head);
                chains.entry(*store).or_default().insert((book.head, book.chain));
            }
        }
        let settled = committed - unsettled;
        let clients = outcomes.len();
        let [before, connected, most] = usage.memory;
        let grown = connected.zip(before).map(|(connected, before)| connected.saturating_sub(before) as f64);
        Self {
            clients,
            stores: shared.stores.len(),
            seconds: took.as_secs_f64(),
            committed,
            in_per_second: taken as f64 / took.as_secs_f64(),
            out_per_second: delivered as f64 / took.as_secs_f64(),
            ack: Times::of(&acks),
            delivery: Times::of(&deliveries),
            stalled_delivery: stalled.as_ref().map(Times::of),
            unsettled,
            lost,
            diverged: chains.values().filter(|chains| has_diverged(chains)).count(),
            violations: shared.violations.load(Ordering::Relaxed),
            reconnects: shared.reconnects.load(Ordering::Relaxed),
            problems: shared.problems().clone(),
            server_cpu_s: usage.server_cpu_s,
            events_per_server_cpu_s: usage.server_cpu_s.filter(|cpu| *cpu > 0.0).map(|cpu| settled as f64 / cpu),
            server_kib_before: before,
            server_kib_connected: connected,
            server_kib_max: most,
            server_kib_per_connection: grown.map(|grown| grown / clients.max(1) as f64),
            tool_cpu_s: usage.tool_cpu_s,
            machine_load: process::machine_load(),
        }
    }

    /// Whether nothing was lost, and nothing came wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.unsettled == 0 && self.lost == 0 && self.diverged == 0 && self.violations == 0
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { clients, stores, seconds, committed, in_per_second, out_per_second, .. } = self;
        writeln!(f, "clients     {clients} on {stores} stores, for {seconds:.1} s")?;
        writeln!(f, "in          {in_per_second:.0}/s   ({committed} events)")?;
        writeln!(f, "out         {out_per_second:.0}/s")?;
        writeln!(f, "ack         {}", self.ack)?;
        writeln!(f, "delivery    {}", self.delivery)?;
        if let Some(stalled) = &self.stalled_delivery {
            writeln!(f, "  stalled   {stalled}")?;
        }
        let Self { unsettled, lost, diverged, violations, reconnects, .. } = self;
        writeln!(f, "missing     {unsettled} events, {lost} deliveries")?;
        writeln!(f, "wrong       {violations} out of order or twice, {diverged} stores diverged")?;
        writeln!(f, "reconnects  {reconnects}")?;
        if let (Some(cpu), Some(events)) = (self.server_cpu_s, self.events_per_server_cpu_s) {
            writeln!(f, "server      {cpu:.2} s CPU, {events:.0} events per CPU second")?;
        }
        if let (Some(kib), Some(max), Some(each)) =
            (self.server_kib_connected, self.server_kib_max, self.server_kib_per_connection)
        {
            writeln!(f, "            {kib} KiB when all were connected ({each:.1} per connection), {max} KiB at most")?;
        }
        if let (Some(cpu), Some(load)) = (self.tool_cpu_s, self.machine_load) {
            writeln!(f, "this tool   {cpu:.2} s CPU; load of the machine {load}")?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "problem     {problem}"))
    }
}
