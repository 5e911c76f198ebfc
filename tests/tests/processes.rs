//! Several processes on one directory: one leads, the others follow, and leadership moves.

use livestore_tests::ledger::{App, Ledger, Verdicts};
use livestore_tests::rng::Rng;
use livestore_tests::scratch::Scratch;
use livestore_tests::session::Session;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const STORE: &str = "shared";

fn session(directory: &Path, run: i64) -> Session {
    Session::open(env!("CARGO_BIN_EXE_session"), directory, STORE, run)
}

#[test]
fn processes_on_one_directory_follow_each_other() {
    let scratch = Scratch::new("follow");
    let mut leader = session(scratch.path(), 1);
    let mut follower = session(scratch.path(), 2);
    assert_eq!(leader.ask("commit 3"), "committed 3");
    assert_eq!(follower.ask("await 3"), "3");
    assert_eq!(follower.ask("commit 4"), "committed 4");
    assert_eq!(leader.ask("await 7"), "7");
    assert_eq!(follower.ask("durable"), "Some(Ok(()))");
    let mut late = session(scratch.path(), 3);
    assert_eq!(late.ask("count"), "7");
    assert_eq!(late.ask("commit 1"), "committed 1");
    for session in [&mut leader, &mut follower] {
        assert_eq!(session.ask("await 8"), "8");
    }
    follower.close();
    late.close();
    leader.close();
    check(&scratch);
}

#[test]
fn leadership_moves_when_the_leader_is_killed_or_closed() {
    let scratch = Scratch::new("handover");
    let mut first = session(scratch.path(), 1);
    let mut second = session(scratch.path(), 2);
    let mut third = session(scratch.path(), 3);
    assert_eq!(first.ask("commit 5"), "committed 5");
    first.kill();
    assert_eq!(second.ask("commit 5"), "committed 5");
    assert_eq!(third.ask("commit 5"), "committed 5");
    for session in [&mut second, &mut third] {
        assert_eq!(session.ask("await 15"), "15");
        session.wait_for_leader("Running");
    }
    second.close();
    assert_eq!(third.ask("commit 1"), "committed 6");
    let mut fourth = session(scratch.path(), 4);
    assert_eq!(fourth.ask("await 16"), "16");
    third.close();
    fourth.close();
    check(&scratch);
}

#[test]
fn what_a_killed_follower_committed_reaches_the_others() {
    let scratch = Scratch::new("follower-killed");
    let mut leader = session(scratch.path(), 1);
    let mut follower = session(scratch.path(), 2);
    // The leader takes nothing while it is stopped: what the follower commits is in its journal only.
    leader.signal("-STOP");
    assert_eq!(follower.ask("commit 50"), "committed 50");
    follower.kill();
    leader.signal("-CONT");
    assert_eq!(leader.ask("await 50"), "50");
    leader.close();
    check(&scratch);
}

#[test]
fn a_stopped_leader_is_shown_and_commits_go_on() {
    let scratch = Scratch::new("stopped");
    let mut leader = session(scratch.path(), 1);
    let mut follower = session(scratch.path(), 2);
    leader.signal("-STOP");
    assert_eq!(follower.ask("commit 20"), "committed 20");
    assert_eq!(follower.ask("count"), "20");
    follower.wait_for_leader("Silent");
    leader.signal("-CONT");
    assert_eq!(leader.ask("await 20"), "20");
    follower.wait_for_leader("Running");
    assert_eq!(leader.ask("commit 1"), "committed 1");
    assert_eq!(follower.ask("await 21"), "21");
    follower.close();
    leader.close();
    check(&scratch);
}

#[test]
fn another_schema_in_another_process_is_refused() {
    let scratch = Scratch::new("other-schema");
    let leader = session(scratch.path(), 1);
    let program = env!("CARGO_BIN_EXE_session");
    let refused = |schema| Session::start(program, scratch.path(), STORE, 2, schema).hear();
    let other = "error store `shared` is open with schema `App`, it cannot also be opened with `NextApp`; ";
    assert!(refused("next").starts_with(other), "{}", refused("next"));
    let changed = "error store `shared` is open with another version of schema `App` (its tables, events or materializers \
                   differ); close it there, or run the same build";
    assert_eq!(refused("changed"), changed);
    leader.close();
    check(&scratch);
}

/// Several processes commit as fast as they can; again and again one of them is killed and another started.
#[test]
fn killed_processes_lose_nothing_while_others_go_on() {
    let cycles = match (std::env::var("PROCESS_CYCLES"), std::env::var("CI")) {
        (Ok(cycles), _) => cycles.parse().unwrap(),
        (_, Ok(_)) => 500,
        _ => 20,
    };
    let seed = Rng::seed();
    report(&format!("SEED={seed} PROCESS_CYCLES={cycles}"));
    let mut rng = Rng::new(seed);
    let (mut done, mut verdicts) = (0, Verdicts::default());
    while done < cycles {
        let scratch = Scratch::new("two");
        let mut ledger = Ledger::default();
        let mut next_run = 1;
        let start = |next_run: &mut i64| {
            *next_run += 1;
            (*next_run, stepper(scratch.path(), *next_run))
        };
        let mut running = vec![start(&mut next_run), start(&mut next_run)];
        for _ in 0..20.min(cycles - done) {
            let longest = if rng.one_in(3) { 10_000 } else { 150_000 };
            std::thread::sleep(Duration::from_micros(500 + rng.below(longest))); // The moment of the kill is the test.
            let (run, child) = running.swap_remove(rng.below(running.len() as u64) as usize);
            ledger.hear(run, &end(child), &mut verdicts);
            running.push(start(&mut next_run));
            done += 1;
        }
        for (run, child) in running {
            ledger.hear(run, &end(child), &mut verdicts);
        }
        ledger.check::<App>(scratch.path(), STORE, &mut verdicts);
        assert!(verdicts.are_clean(), "SEED={seed}: {verdicts:?}\n{}", ledger.complaints.join("\n"));
    }
    report(&format!("{done} kills: {verdicts:?}"));
    assert!(verdicts.acked > 0, "the processes committed");
}

/// The figures are part of the test's output.
#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}

fn stepper(directory: &Path, run: i64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_stepper"))
        .args([directory.to_str().unwrap(), STORE, &run.to_string(), "2", "0", "app"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(mut child: Child) -> String {
    child.kill().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    said
}

/// State is what a replay gives, and the eventlog has every step once.
fn check(scratch: &Scratch) {
    let store = livestore::Store::<App>::open(livestore::native(scratch.path()), STORE).unwrap();
    let mut steps = std::collections::BTreeMap::<i64, i64>::new();
    let mut events = store.events::<livestore_tests::ledger::Stepped>();
    while let Some(event) = events.try_next() {
        let event = event.unwrap().event;
        let seq = steps.entry(event.run).or_default();
        *seq += 1;
        assert_eq!(event.seq, *seq, "run {}", event.run);
    }
    let counters = store.query(&<livestore_tests::ledger::Counter as livestore::Table>::query()).unwrap();
    let counted: std::collections::BTreeMap<_, _> = counters.into_iter().map(|row| (row.run, row.steps)).collect();
    assert_eq!(counted, steps);
}
