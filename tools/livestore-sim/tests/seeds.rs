//! Seeds of the built-in workload. `SIM_SEEDS` says how many; without it they are few.

use livestore_sim::marks::missing;
use livestore_sim::{Notes, Plan, run, run_plan};
use std::collections::BTreeMap;

fn count() -> u64 {
    let asked = std::env::var("SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if std::env::var_os("CI").is_some() { 1_000 } else { 100 })
}

#[test]
fn nothing_is_lost_whatever_goes_wrong() {
    let mut marks = BTreeMap::new();
    for seed in 0..count() {
        let report = run::<Notes>(seed).unwrap_or_else(|failure| panic!("{failure}"));
        for (name, hits) in report.marks {
            *marks.entry(name).or_default() += hits;
        }
    }
    if count() < 1_000 {
        return; // Fewer may well leave something out.
    }
    assert_eq!(missing(&marks), [] as [&str; 0], "these never happened in {} seeds", count());
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..6 {
        let again =
            || run_plan::<Notes>(Plan::new(seed)).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        assert_eq!(again(), again(), "seed {seed}");
    }
}
