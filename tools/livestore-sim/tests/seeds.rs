//! Seeds of the built-in workload. `SIM_SEEDS` says how many; without it they are few.

use livestore_sim::{Notes, Plan, run, run_plan};

fn count() -> u64 {
    let asked = std::env::var("SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if std::env::var_os("CI").is_some() { 1_000 } else { 100 })
}

#[test]
fn nothing_is_lost_whatever_goes_wrong() {
    for seed in 0..count() {
        if let Err(failure) = run::<Notes>(seed) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..6 {
        let again =
            || run_plan::<Notes>(Plan::new(seed)).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        assert_eq!(again(), again(), "seed {seed}");
    }
}
