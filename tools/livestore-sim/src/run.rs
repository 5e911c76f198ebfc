use crate::world::World;
use crate::{Plan, Workload};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// What a run that held came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Over all frames and the times at which they arrived: two runs of one seed have the same.
    pub hash: u64,
    /// How many frames the network carried.
    pub frames: u64,
    /// How many events the backend holds.
    pub events: u64,
    /// How many steps were made.
    pub steps: u64,
    /// How much virtual time went by.
    pub time: Duration,
    /// The marks that were hit, and how often.
    pub marks: BTreeMap<&'static str, u64>,
}

/// A run in which something did not hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What did not hold.
    pub violation: String,
    /// The steps of the seed's script that are enough for it.
    pub steps: Vec<usize>,
    script: String,
    /// The type's path.
    workload: &'static str,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, steps) = (self.seed, &self.steps);
        writeln!(f, "seed {seed} fails: {}", self.violation)?;
        writeln!(f, "shrunk to {} steps:{}", steps.len(), self.script)?;
        writeln!(f, "as a test:")?;
        write!(f, "#[test] fn seed_{seed}() {{ livestore_sim::replay::<{}>({seed}, &{steps:?}); }}", self.workload)
    }
}

impl std::error::Error for Failure {}

/// Runs one seed.
///
/// # Errors
/// Something did not hold. The script is shrunk to what is enough for that, which runs it many times.
pub fn run<W: Workload>(seed: u64) -> Result<Report, Failure> {
    run_or_shrink::<W>(&Plan::new(seed))
}

fn run_or_shrink<W: Workload>(plan: &Plan) -> Result<Report, Failure> {
    run_plan::<W>(plan.clone()).map_err(|violation| shrink::<W>(plan, &violation))
}

/// Runs many seeds, on so many threads, and gives each result to the closure as they come; it says whether to go on.
///
/// ```
/// use livestore_sim::{Notes, run_many};
/// use std::ops::ControlFlow;
///
/// let mut events = 0;
/// run_many::<Notes>(0..4, 2, |_seed, result| {
///     events += result.unwrap_or_else(|failure| panic!("{failure}")).events;
///     ControlFlow::Continue(())
/// });
/// assert!(events > 0);
/// ```
pub fn run_many<W: Workload>(
    seeds: Range<u64>,
    jobs: usize,
    each: impl FnMut(u64, Result<Report, Failure>) -> ControlFlow<()>,
) {
    run_plans::<W>(seeds, jobs, Plan::new, each);
}

/// The same, with the plan that the closure makes of each seed.
pub fn run_plans<W: Workload>(
    seeds: Range<u64>,
    jobs: usize,
    plan: impl Fn(u64) -> Plan + Sync,
    mut each: impl FnMut(u64, Result<Report, Failure>) -> ControlFlow<()>,
) {
    let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
    std::thread::scope(|scope| {
        let (send, results) = mpsc::channel();
        for _ in 0..jobs.max(1) {
            let (send, next, plan) = (send.clone(), &next, &plan);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // Where nobody listens any more, nobody wants the rest.
                    if seed >= end || send.send((seed, run_or_shrink::<W>(&plan(seed)))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (seed, result) in results {
            if each(seed, result).is_break() {
                return;
            }
        }
    });
}

/// Runs a plan as it is, without shrinking it.
///
/// # Errors
/// What did not hold.
pub fn run_plan<W: Workload>(plan: Plan) -> Result<Report, String> {
    drop(crate::marks::take());
    let run = AssertUnwindSafe(|| World::<W>::new(plan).run());
    let result = catch_unwind(run).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("it panicked: {}", text.unwrap_or_default()))
    });
    livestore::__testing::seed_ids(None);
    result
}

/// Runs these steps of a seed's script: a failure as a test.
///
/// # Panics
/// Something did not hold.
pub fn replay<W: Workload>(seed: u64, steps: &[usize]) {
    if let Err(violation) = run_plan::<W>(Plan::new(seed).with_steps(steps)) {
        panic!("seed {seed}: {violation}");
    }
}

/// What kind of violation it is: the word before the colon.
fn kind(violation: &str) -> &str {
    violation.split(':').next().unwrap_or(violation)
}

/// Deletes steps, in ever smaller pieces, while the same thing still fails.
fn shrink<W: Workload>(plan: &Plan, violation: &str) -> Failure {
    let mut kept: Vec<usize> = (0..plan.script.len()).collect();
    let mut last = violation.to_owned();
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(start..(start + size).min(kept.len()));
            match run_plan::<W>(plan.clone().with_steps(&fewer)) {
                Err(found) if kind(&found) == kind(violation) => (kept, last) = (fewer, found),
                _ => start += size,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    let steps = plan.clone().with_steps(&kept).script;
    let script = steps.iter().map(|step| format!("\n  {:?} {:?}", step.at, step.action)).collect();
    Failure { seed: plan.seed, violation: last, steps: kept, script, workload: std::any::type_name::<W>() }
}
