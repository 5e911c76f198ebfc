//! The model finds defects, most of them ones that the original had: each is switched on in turn.

use super::model::Scope;
use super::search::{SMALL, search};
use super::walk::walks;
use crate::mutant::{Harness, Mutant, with};
use std::io::Write as _;

/// More steps than any of them needs.
const STEPS_MAX: usize = 60_000;

/// What takes one thing to go wrong at one moment, every state of this shows.
const ONE_DROP: Scope = Scope { scripts: &[&["A"], &[]], drops: 1, ..SMALL };

/// What was found with the defect on; a panic is found too.
fn finds(mutant: Mutant) -> Option<String> {
    let run = || {
        if let Err(found) = search(ONE_DROP, 1) {
            return Some(format!("search: {} after {} steps", found.what, found.way.len()));
        }
        let walked = walks(1, STEPS_MAX).err();
        walked.map(|(seed, found)| format!("seed {seed}: {} after {} steps", found.what, found.way.len()))
    };
    with(mutant, || std::panic::catch_unwind(run)).unwrap_or_else(|_| Some("a panic".into()))
}

#[test]
fn every_defect_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::found_by(Harness::Model) {
        match finds(mutant) {
            Some(what) => writeln!(std::io::stderr(), "{mutant:?} ({}) {}\n    {what}", mutant.rule(), mutant.what())
                .unwrap_or_default(),
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "{missed:?} were not found");
}

#[test]
fn every_defect_has_somebody_who_finds_it() {
    assert!(Mutant::ALL.iter().all(|mutant| !mutant.finders().is_empty()));
}

/// The test fails with the defect, in a process of its own.
#[test]
fn the_tests_of_this_crate_find_theirs() {
    let test_of = |mutant| match mutant {
        Mutant::FenceNotChecked => "leader::tests::a_leader_that_was_overtaken_writes_nothing_more",
        other => panic!("{other:?} has no test"),
    };
    for mutant in Mutant::found_by(Harness::Units) {
        let mut program = std::process::Command::new(std::env::current_exe().unwrap());
        let run = program.args(["--exact", test_of(mutant)]).env("LIVESTORE_MUTANT", format!("{mutant:?}")).output();
        let run = run.unwrap();
        assert!(String::from_utf8_lossy(&run.stdout).contains("running 1 test"), "{mutant:?} has a test");
        assert!(!run.status.success(), "{mutant:?} was not found");
    }
}
