use std::cell::Cell;

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, written as nanoseconds.
    Nanos,
    /// Seconds, written as microseconds.
    Micros,
    /// Seconds, written as milliseconds.
    Millis,
    /// Events in one CPU second.
    EventsPerSecond,
    /// Bytes, written as MB.
    Megabytes,
    /// Bytes.
    Bytes,
    /// A factor.
    Times,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Nanos => format!("{:.0} ns", value * 1e9),
            Self::Micros => format!("{:.2} µs", value * 1e6),
            Self::Millis => format!("{:.2} ms", value * 1e3),
            Self::EventsPerSecond => format!("{value:.0}/s"),
            Self::Megabytes => format!("{:.1} MB", value / 1e6),
            Self::Bytes => format!("{value:.1} B"),
            Self::Times => format!("{value:.2} ×"),
        }
    }
}

/// The middle value.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One run: in full under `cargo bench`, in a few steps under `cargo test`, where only the fact that it runs counts.
#[derive(Debug)]
pub struct Bench {
    is_full: bool,
    rounds: usize,
    has_ceiling: bool,
    only: Vec<String>,
    has_header: Cell<bool>,
}

impl Bench {
    /// Reads the arguments: `--rounds=N`, `--ours` to leave the ceiling out (for a profiler), and names of figures (`P1`)
    /// to leave out all others.
    #[must_use]
    pub fn from_args() -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let is_full = args.iter().any(|arg| arg == "--bench");
        let rounds = args.iter().find_map(|arg| arg.strip_prefix("--rounds=")?.parse().ok());
        Self {
            is_full,
            rounds: rounds.unwrap_or(if is_full { 7 } else { 1 }),
            has_ceiling: !args.iter().any(|arg| arg == "--ours"),
            only: args.into_iter().filter(|arg| !arg.starts_with('-')).collect(),
            has_header: Cell::new(false),
        }
    }

    /// Whether the figure is to be taken.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// The size of a job: `full` when it is measured, `quick` when it is only run.
    #[must_use]
    pub fn size(&self, full: u64, quick: u64) -> u64 {
        if self.is_full { full } else { quick }
    }

    /// Runs both sides in turns and prints a row of the table. Which side goes first alternates too.
    pub fn compare(
        &self,
        (name, what, target): (&str, &str, &str),
        unit: Unit,
        mut ours: impl FnMut() -> f64,
        mut ceiling: impl FnMut() -> f64,
    ) -> f64 {
        if !self.has_ceiling {
            return self.alone((name, what, target), unit, ours);
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            if round % 2 == 0 {
                a.push(ours());
                b.push(ceiling());
            } else {
                b.push(ceiling());
                a.push(ours());
            }
        }
        let (a, b) = (median(a), median(b));
        self.row(name, what, target, &unit.show(a), &unit.show(b), &format!("{:.2}", a / b));
        a
    }

    /// Takes a figure that has nothing beside it.
    pub fn alone(&self, (name, what, target): (&str, &str, &str), unit: Unit, mut ours: impl FnMut() -> f64) -> f64 {
        let value = median((0..self.rounds).map(|_| ours()).collect());
        self.row(name, what, target, &unit.show(value), "–", "–");
        value
    }

    #[allow(clippy::print_stdout)] // the table is what a bench is for
    fn row(&self, name: &str, what: &str, target: &str, measured: &str, ceiling: &str, ratio: &str) {
        if !self.has_header.replace(true) {
            if !self.is_full {
                println!("a quick run: it shows that the bench works, its figures mean nothing");
            }
            println!("| # | figure | target | measured | ceiling | ratio |\n|---|---|---|---|---|---|");
        }
        println!("| {name} | {what} | {target} | {measured} | {ceiling} | {ratio} |");
    }
}
