//! Seeds of the built-in workload. `SIM_SEEDS` says how many; without it they are few.

use livestore_sim::marks::{EXPECTED_OF_SERVERS, missing};
use livestore_sim::{Notes, Plan, run_many, run_plan, run_plans};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
}

fn count() -> u64 {
    let asked = std::env::var("SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if is_ci() { 2_000 } else { 30 })
}

#[test]
fn nothing_is_lost_whatever_goes_wrong() {
    let jobs = std::thread::available_parallelism().map_or(1, |jobs| jobs.get());
    let (mut marks, mut failures) = (BTreeMap::new(), Vec::new());
    run_many::<Notes>(0..count(), jobs, |_, result| {
        match result {
            Ok(report) => {
                report.marks.into_iter().for_each(|(name, hits)| *marks.entry(name).or_default() += hits);
            }
            Err(failure) => failures.push(failure.to_string()),
        }
        if failures.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    if count() < 1_000 {
        return; // Fewer may well leave something out.
    }
    assert_eq!(missing(&marks), [] as [&str; 0], "these never happened in {} seeds", count());
}

/// Beside the seeds above, a third of whose backends are servers where they keep ids.
#[test]
fn nothing_is_lost_at_a_server_that_ends_and_fails() {
    let seeds = if is_ci() { 10_000..10_300 } else { 10_000..10_020 };
    let (mut marks, mut failures) = (BTreeMap::new(), Vec::new());
    let plan = |seed| Plan::new(seed).with_server();
    run_plans::<Notes>(seeds.clone(), 2, plan, |_, result| {
        match result {
            Ok(report) => report.marks.into_keys().for_each(|name| *marks.entry(name).or_default() += 1),
            Err(failure) => failures.push(failure.to_string()),
        }
        if failures.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let missing: Vec<_> = missing(&marks).into_iter().filter(|name| EXPECTED_OF_SERVERS.contains(name)).collect();
    assert_eq!(missing, [] as [&str; 0], "these never happened in {seeds:?}: {marks:?}");
}

#[test]
fn a_seed_decides_everything() {
    let plans = (0..6).map(Plan::new).chain((0..3).map(|seed| Plan::new(seed).with_server()));
    for plan in plans {
        let seed = plan.seed;
        let again = || run_plan::<Notes>(plan.clone()).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        assert_eq!(again(), again(), "seed {seed}");
    }
}

#[test]
fn each_of_many_writers_gets_on() {
    // What it costs grows with the fourth power of the writers.
    for (seed, clients) in [(1, 2), (2, 4)].into_iter().chain(is_ci().then_some((3, 8))) {
        let run = run_plan::<Notes>(Plan::contention(seed, clients));
        run.unwrap_or_else(|violation| panic!("{clients} clients, seed {seed}: {violation}"));
    }
}

/// What seeds found, shrunk.
mod found {
    use livestore_sim::{Notes, replay};

    #[test]
    fn a_copy_of_a_try_that_failed_is_not_named_when_it_is_gone() {
        replay::<Notes>(821, &[14, 40, 41, 42, 44, 64, 67]);
    }
}
