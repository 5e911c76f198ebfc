//! The application that is killed, and the book that is kept of what it said before.

use livestore::*;
use std::collections::BTreeMap;
use std::path::Path;

/// One numbered step of one thread of one run.
#[event("v1.Stepped")]
pub struct Stepped {
    /// The process.
    pub run: i64,
    /// The thread in it.
    pub thread: i64,
    /// Counts from 1 without gaps.
    pub seq: i64,
    /// Anything, to make records of different lengths.
    pub text: String,
}

/// Every step.
#[table("steps", primary_key(run, thread, seq))]
pub struct Step {
    /// The process.
    pub run: i64,
    /// The thread in it.
    pub thread: i64,
    /// The step.
    pub seq: i64,
    /// Its text.
    pub text: String,
}

/// The steps of a thread, counted by reading and writing back.
#[table("counters", primary_key(run, thread))]
pub struct Counter {
    /// The process.
    pub run: i64,
    /// The thread in it.
    pub thread: i64,
    /// How many steps.
    pub steps: i64,
}

/// The application.
#[schema(events(Stepped), tables(Step, Counter))]
#[derive(Debug)]
pub struct App;

/// Its next version, with another table: state is rebuilt.
#[schema(events(Stepped), tables(Step, Counter, Extra))]
#[derive(Debug)]
pub struct NextApp;

/// A table that only the next version has.
#[table("extra")]
pub struct Extra {
    /// A key.
    #[column(primary_key)]
    pub id: i64,
}

/// The application built from other code: the same names, other tables.
pub mod changed {
    use super::*;

    /// Named as the one that it is a version of.
    #[schema(events(Stepped), tables(Step, Counter, Extra))]
    #[derive(Debug)]
    pub struct App;

    #[materializers]
    impl App {
        fn on_step(event: Stepped, cx: &MaterializeCx<'_>) -> Result<Writes> {
            stepped(event, cx)
        }
    }
}

fn stepped(event: Stepped, cx: &MaterializeCx<'_>) -> Result<Writes> {
    let Stepped { run, thread, seq, text } = event;
    let known = cx.query(Counter::query().filter(|t| t.run.eq(run).and(t.thread.eq(thread))).first())?;
    let steps = known.map_or(0, |known| known.steps) + 1;
    let mut writes = Writes::default();
    let counter = Counter { run, thread, steps }.insert().on_conflict(|t| (t.run, t.thread)).replace();
    (Step { run, thread, seq, text }.insert(), counter).into_writes(&mut writes)?;
    Ok(writes)
}

#[materializers]
impl App {
    fn on_step(event: Stepped, cx: &MaterializeCx<'_>) -> Result<Writes> {
        stepped(event, cx)
    }
}

#[materializers]
impl NextApp {
    fn on_step(event: Stepped, cx: &MaterializeCx<'_>) -> Result<Writes> {
        stepped(event, cx)
    }
}

/// What one thread of one run said.
#[derive(Clone, Debug, Default)]
struct Said {
    acked: i64,
    begun: i64,
    /// What was found when the run was over: it may never change again.
    settled: Option<i64>,
}

/// The verdicts, kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Threads of runs that were looked at.
    pub checked: u64,
    /// Commits that were acknowledged before the kill.
    pub acked: u64,
    /// Commits whose acknowledgement the kill cut off, and that are there.
    pub unacked_kept: u64,
    /// Acknowledged and gone.
    pub lost: u64,
    /// A step is missing, doubled or out of order.
    pub holes: u64,
    /// There, and neither acknowledged nor in flight.
    pub phantoms: u64,
    /// A part of a group is there.
    pub torn: u64,
    /// State is not what the eventlog says.
    pub wrong_state: u64,
    /// The store did not open.
    pub failed_boots: u64,
}

impl Verdicts {
    /// Whether nothing went wrong.
    #[must_use]
    pub fn are_clean(&self) -> bool {
        let bad = self.lost + self.holes + self.phantoms + self.torn + self.wrong_state + self.failed_boots;
        bad == 0
    }
}

/// The book of one directory.
#[derive(Debug, Default)]
pub struct Ledger {
    said: BTreeMap<(i64, i64), Said>,
    /// What was found wrong, in words.
    pub complaints: Vec<String>,
}

impl Ledger {
    /// Notes what a run printed: `begin <thread> <last seq>` before a commit, `ack <thread> <last seq>` after it.
    pub fn hear(&mut self, run: i64, lines: &str, verdicts: &mut Verdicts) {
        // A line that the kill cut off says nothing.
        for line in lines.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let mut words = line.split_whitespace();
            let (kind, thread, seq) = (words.next(), words.next(), words.next());
            let (Some(thread), Some(seq)) = (number(thread), number(seq)) else { continue };
            let said = self.said.entry((run, thread)).or_default();
            match kind {
                Some("begin") => said.begun = seq,
                Some("ack") => {
                    said.acked = seq;
                    verdicts.acked += 1;
                }
                _ => {}
            }
        }
    }

    /// Opens the store and compares it with what was said.
    pub fn check<S: Schema>(&mut self, directory: &Path, store_id: &str, verdicts: &mut Verdicts) {
        let store = match Store::<S>::open(native(directory), store_id) {
            Ok(store) => store,
            Err(error) => {
                verdicts.failed_boots += 1;
                self.complaints.push(format!("the store does not open: {error}"));
                return;
            }
        };
        let logged = logged(&store);
        for key in logged.keys().filter(|key| !self.said.contains_key(key)) {
            verdicts.phantoms += 1;
            self.complaints.push(format!("{key:?} is in the eventlog and never began"));
        }
        for (key, said) in &mut self.said {
            let seqs = logged.get(key).cloned().unwrap_or_default();
            if let Some(complaint) = judge(said, &seqs, verdicts) {
                self.complaints.push(format!("{key:?}: {complaint}"));
            }
        }
        if let Some(complaint) = state_complaint(&store, &logged) {
            verdicts.wrong_state += 1;
            self.complaints.push(complaint);
        }
    }
}

fn number(word: Option<&str>) -> Option<i64> {
    word?.parse().ok()
}

fn judge(said: &mut Said, seqs: &[i64], verdicts: &mut Verdicts) -> Option<String> {
    verdicts.checked += 1;
    let found = seqs.len() as i64;
    let count = |counter: &mut u64, complaint: String| {
        *counter += 1;
        Some(complaint)
    };
    if !seqs.iter().copied().eq(1..=found) {
        return count(&mut verdicts.holes, format!("the steps are {seqs:?}"));
    }
    if found < said.acked {
        return count(&mut verdicts.lost, format!("{} were acknowledged, {found} are there", said.acked));
    }
    if found > said.begun || said.settled.is_some_and(|settled| found > settled) {
        return count(&mut verdicts.phantoms, format!("{found} are there of {said:?}"));
    }
    if said.settled.is_some_and(|settled| found < settled) {
        return count(&mut verdicts.lost, format!("{found} are left of {said:?}"));
    }
    if found != said.acked && found != said.begun {
        return count(&mut verdicts.torn, format!("{found} are there of {said:?}"));
    }
    verdicts.unacked_kept += u64::from(said.settled.is_none() && found > said.acked);
    said.settled = Some(found);
    None
}

type Logged = BTreeMap<(i64, i64), Vec<i64>>;

fn logged<S: Schema>(store: &Store<S>) -> Logged {
    let mut found = Logged::new();
    let mut events = store.events::<Stepped>();
    while let Some(event) = events.try_next() {
        let event = event.expect("every event in the eventlog decodes").event;
        found.entry((event.run, event.thread)).or_default().push(event.seq);
    }
    found
}

fn state_complaint<S: Schema>(store: &Store<S>, logged: &Logged) -> Option<String> {
    let counters = store.query(&Counter::query()).expect("state reads");
    let counted: BTreeMap<_, _> = counters.into_iter().map(|row| ((row.run, row.thread), row.steps)).collect();
    let expected: BTreeMap<_, _> = logged.iter().map(|(key, seqs)| (*key, seqs.len() as i64)).collect();
    let steps = store.query(&Step::query().count()).expect("state reads");
    let total = expected.values().sum::<i64>();
    (counted != expected || steps != total)
        .then(|| format!("state has {steps} steps {counted:?}, the eventlog {expected:?}"))
}
