//! The defects of the bug zoo: the simulator finds each that it has to find. `ZOO_ONLY=Name,Name` looks for these alone, whoever has to
//! find them, `ZOO_SEEDS` says how many seeds are tried.

use livestore_sim::Notes;
use livestore_sim::zoo::{Harness, Mutant, hunt};
use std::io::Write as _;

/// Seeds that are known to show a defect that others do not, tried first.
const KNOWN: [u64; 4] = [0, 1, 4, 7];

fn asked() -> Vec<Mutant> {
    let Ok(names) = std::env::var("ZOO_ONLY") else { return Mutant::found_by(Harness::Simulator).collect() };
    let is_asked = |mutant: &&Mutant| names.split(',').any(|name| name == "all" || name == format!("{mutant:?}"));
    Mutant::ALL.iter().filter(is_asked).copied().collect()
}

#[test]
fn every_defect_is_found() {
    let tries = std::env::var("ZOO_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(200_u64);
    let (mut missed, mut seeds) = (Vec::new(), Vec::new());
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // A panic is a find like any other.
    for mutant in asked() {
        let others = (0..tries).filter(|seed| !KNOWN.contains(seed));
        let found = hunt::<Notes>(mutant, KNOWN.into_iter().chain(others));
        let how = found.as_ref().map_or("missed".to_owned(), |found| {
            let what: String = found.violation.lines().next().unwrap_or_default().chars().take(100).collect();
            format!("{:>3} seeds, {what}", found.seeds)
        });
        let _ = writeln!(std::io::stderr(), "{:<24} {:<3} {how}", format!("{mutant:?}"), mutant.rule());
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
