//! The defects of the bug zoo: the simulator finds each that it has to find; every day a third of them, with `CI` set all.
//!
//! `ZOO_ONLY=Name,Name` looks for these alone, whoever has to find them (`all` for all of them); `ZOO_SEEDS` says how many seeds are tried.

use livestore_sim::Notes;
use livestore_sim::zoo::{Harness, Mutant, hunt};
use std::io::Write as _;

fn asked() -> Vec<Mutant> {
    let stride = if std::env::var_os("CI").is_some() { 1 } else { 3 };
    let Ok(names) = std::env::var("ZOO_ONLY") else {
        return Mutant::found_by(Harness::Simulator).step_by(stride).collect();
    };
    let is_asked = |mutant: &&Mutant| names.split(',').any(|name| name == "all" || name == format!("{mutant:?}"));
    Mutant::ALL.iter().filter(is_asked).copied().collect()
}

#[test]
fn every_defect_is_found() {
    let tries = std::env::var("ZOO_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300_u64);
    let (mut missed, mut seeds) = (Vec::new(), Vec::new());
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // A panic is a find like any other.
    for mutant in asked() {
        let found = hunt::<Notes>(mutant, 0..tries);
        let how = found.as_ref().map_or("missed".to_owned(), |found| {
            format!("{:>3} seeds, {:>3}: {}", found.seeds, found.seed, found.first_line())
        });
        let _ = writeln!(std::io::stderr(), "{:<26} {:<3} {how}", format!("{mutant:?}"), mutant.rule());
        match found {
            Some(found) => seeds.push(found.seeds),
            None => missed.push(mutant),
        }
    }
    std::panic::set_hook(hook);
    seeds.sort_unstable();
    let (found, median) = (seeds.len(), seeds.get(seeds.len() / 2));
    let _ = writeln!(std::io::stderr(), "{found} of {} found, median of seeds {median:?}", found + missed.len());
    assert!(missed.is_empty(), "{missed:?} were not found");
}

#[test]
fn the_readme_names_every_defect() {
    let readme = include_str!("../README.md");
    for mutant in Mutant::ALL {
        let finders: Vec<String> = mutant.finders().iter().map(|finder| format!("{finder:?}").to_lowercase()).collect();
        let row = format!("| `{mutant:?}` | {} | {} | {} |", mutant.rule(), mutant.what(), finders.join(", "));
        assert!(readme.contains(&row), "the README lacks this row:\n{row}");
    }
}
