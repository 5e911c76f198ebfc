//! The server in simulation: owners, connections and clients as the state machines that they are, over a storage that fails, driven by
//! one seed. No socket, no thread, no clock.
//!
//! `SERVER_SIM_SEEDS` says how many seeds; `SERVER_SIM_SEED` runs one.

#![allow(clippy::print_stdout, reason = "the seed is for whoever looks at a failure")]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod server;
mod storage;
mod wire;
mod world;

use support::rng::amount;

#[test]
fn clients_and_servers_agree_whatever_goes_wrong() {
    let only = std::env::var("SERVER_SIM_SEED").ok().and_then(|text| text.parse().ok());
    let seeds = only.map_or(0..amount("SERVER_SIM_SEEDS", 1_000, 60), |seed: u64| seed..seed + 1);
    let mut marks = std::collections::BTreeMap::<&str, u64>::new();
    for seed in seeds.clone() {
        for (mark, hits) in world::run(seed) {
            *marks.entry(mark).or_default() += hits;
        }
    }
    if only.is_none() {
        let missing: Vec<_> = world::MARKS.into_iter().filter(|mark| !marks.contains_key(mark)).collect();
        assert_eq!(missing, [] as [&str; 0], "these never happened in {seeds:?}: {marks:?}");
    }
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..5 {
        assert_eq!(world::run(seed), world::run(seed), "seed {seed}");
    }
}
