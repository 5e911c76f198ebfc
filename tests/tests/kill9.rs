//! A process that commits is killed again and again; nothing that it said it had committed is lost.

use livestore_tests::dump;
use livestore_tests::ledger::{App, Ledger, Verdicts};
use livestore_tests::rng::Rng;
use livestore_tests::scratch::Scratch;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

const STORE: &str = "ledger";

/// As many kills as `KILL9_CYCLES` says; else 1,000 where `CI` is set, and few in everyday runs.
fn cycles() -> u64 {
    let asked = std::env::var("KILL9_CYCLES").ok().and_then(|cycles| cycles.parse().ok());
    asked.unwrap_or(if std::env::var_os("CI").is_some() { 1_000 } else { 50 })
}

/// Starts the process, kills it after the delay, and gives back what it said.
fn run_and_kill(directory: &Scratch, run: i64, rng: &mut Rng) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepper"));
    command.arg(directory.path()).args([STORE, &run.to_string()]);
    command.args([&(1 + rng.below(3)).to_string(), "0", "same"]);
    if rng.one_in(3) {
        command.env("LIVESTORE_TEST_SEGMENT_BYTES", "10000");
    }
    if rng.one_in(3) {
        command.env("LIVESTORE_TEST_LINGER_MS", rng.below(20).to_string());
    }
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the process starts");
    let mut out = child.stdout.take().expect("its output is piped");
    let mut heard = Vec::new();
    if !rng.one_in(4) {
        // Three kills of four land after the store was opened, the others wherever they land.
        let mut first = [0; 5];
        let _ = out.read_exact(&mut first);
        assert_eq!(&first, b"open\n", "run {run} opens the store");
    }
    // The delay is the fault that is injected; nothing waits for it to pass.
    std::thread::sleep(Duration::from_micros(100 + rng.below(29_900)));
    child.kill().expect("the process is there");
    out.read_to_end(&mut heard).expect("the pipe ends");
    child.wait().expect("the process ended");
    String::from_utf8_lossy(&heard).into_owned()
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let seed = Rng::seed();
    let mut rng = Rng::new(seed);
    let (mut verdicts, mut complaints) = (Verdicts::default(), Vec::new());
    let mut left = cycles();
    while left > 0 {
        let directory = Scratch::new("kill9");
        let mut ledger = Ledger::default();
        // Some directories are killed many times in a row before anybody looks.
        let kills = (1 + rng.below(8)).min(left);
        let looks_each_time = rng.one_in(2);
        for run in 1..=kills as i64 {
            let heard = run_and_kill(&directory, run, &mut rng);
            ledger.hear(run, &heard, &mut verdicts);
            if looks_each_time || run == kills as i64 {
                ledger.check::<App>(directory.path(), STORE, &mut verdicts);
            }
        }
        complaints.append(&mut ledger.complaints);
        if verdicts.failed_boots == 0 {
            check_replay(&directory, &mut verdicts);
        }
        left -= kills;
    }
    assert!(verdicts.are_clean(), "SEED={seed} {verdicts:?}\n{}", complaints.join("\n"));
    assert!(verdicts.acked > cycles(), "SEED={seed}: hardly anything was committed: {verdicts:?}");
    println_report(&format!("SEED={seed} cycles={} {verdicts:?}", cycles()));
}

/// State equals a replay of the eventlog from nothing.
fn check_replay(directory: &Scratch, verdicts: &mut Verdicts) {
    let folder = directory.store(STORE);
    let before = dump::state(&folder);
    dump::delete_state(&folder);
    drop(livestore::Store::<App>::open(livestore::native(directory.path()), STORE).expect("it opens"));
    verdicts.wrong_state += u64::from(before != dump::state(&folder));
}

/// The figures are part of the test's output.
#[allow(clippy::print_stdout)]
fn println_report(line: &str) {
    println!("{line}");
}
