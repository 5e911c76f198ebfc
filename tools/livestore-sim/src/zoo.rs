//! The bug zoo: defects that are built into the library behind switches which only a build for tests has, to see what a workload finds.

use crate::{Plan, Workload, run_plan};
use livestore::__testing::with_mutant;

pub use livestore::__testing::{Harness, Mutant};

/// How a defect showed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Catch {
    /// The seed that showed it.
    pub seed: u64,
    /// How many seeds were run, this one among them.
    pub seeds: u64,
    /// What did not hold.
    pub violation: String,
}

impl Catch {
    /// The beginning of what did not hold.
    #[must_use]
    pub fn first_line(&self) -> String {
        self.violation.lines().next().unwrap_or_default().chars().take(100).collect()
    }
}

/// Runs seeds with the defect switched on until something does not hold.
#[must_use]
pub fn hunt<W: Workload>(mutant: Mutant, seeds: impl IntoIterator<Item = u64>) -> Option<Catch> {
    with_mutant(mutant, || {
        (1..).zip(seeds).find_map(|(seeds, seed)| {
            let violation = run_plan::<W>(Plan::new(seed)).err()?;
            Some(Catch { seed, seeds, violation })
        })
    })
}
