//! Looks whether a test fails with a defect switched on: it is run once more, in a process of its own.

use livestore::__testing::{Harness, Mutant};
use std::process::{Command, Stdio};

/// A defect, the test of this very program that has to find it, and what that is told by its environment.
pub type Case<'a> = (Mutant, &'a str, &'a [(&'a str, &'a str)]);

/// Runs each test with its defect.
///
/// # Panics
/// A test holds although the defect is there, or a defect that is to be found here has no test.
pub fn check(harness: Harness, cases: &[Case<'_>]) {
    let listed: Vec<Mutant> = cases.iter().map(|(mutant, ..)| *mutant).collect();
    let missing: Vec<Mutant> = Mutant::found_by(harness).filter(|mutant| !listed.contains(mutant)).collect();
    assert!(missing.is_empty(), "{missing:?} have no test");
    // A test that fails often waits for what does not come: several wait together.
    let wanted: Vec<&Case<'_>> = cases.iter().step_by(stride()).collect();
    for together in wanted.chunks(4) {
        std::thread::scope(|scope| together.iter().for_each(|case| drop(scope.spawn(|| check_case(case)))));
    }
}

/// Every day a third of the defects, with `CI` set all of them.
fn stride() -> usize {
    if std::env::var_os("CI").is_some() { 1 } else { 3 }
}

fn check_case((mutant, test, environment): &Case<'_>) {
    assert!(!holds(*mutant, test, environment), "`{test}` holds with {mutant:?}: {}", mutant.what());
    report(&format!("{:<26} {:<3} {test}", format!("{mutant:?}"), mutant.rule()));
}

fn holds(mutant: Mutant, test: &str, environment: &[(&str, &str)]) -> bool {
    let program = std::env::current_exe().expect("it runs");
    let run = Command::new(program)
        .args(["--exact", test])
        .env("LIVESTORE_MUTANT", format!("{mutant:?}"))
        // A part of all cases shows it.
        .env_remove("CI")
        .env_remove("FAULTS")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the process starts");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("running 1 test"), "there is no test `{test}`");
    run.status.success()
}

/// The figures are part of the test's output.
#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}
