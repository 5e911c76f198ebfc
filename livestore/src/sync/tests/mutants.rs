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
