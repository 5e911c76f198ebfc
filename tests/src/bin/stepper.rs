//! The process that the crash tests kill: `stepper <directory> <store id> <run> <threads> <commits> <schema>`.
//!
//! Each thread commits numbered steps and says so on standard output before and after. 0 commits means no end. With
//! `STEPPER_BACKEND` in the environment the store is synced: with the backend of that port, or, where it is 1, one that ends with the
//! process.

use livestore::*;
use livestore_tests::ledger::{App, NextApp, Stepped};
use livestore_tests::rng::Rng;
use livestore_tests::wire_backend::WireProvider;
use std::io::Write;

struct Plan {
    run: i64,
    threads: i64,
    commits: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |index: usize| args[index].parse::<i64>().expect("a number");
    let plan = Plan { run: number(3), threads: number(4), commits: number(5) as u64 };
    match args[6].as_str() {
        "next" => work::<NextApp>(&args[1], &args[2], &plan),
        _ => work::<App>(&args[1], &args[2], &plan),
    }
    say("done\n");
}

fn work<S: Schema + 'static>(directory: &str, store_id: &str, plan: &Plan)
where
    Vec<Stepped>: Commit<S>,
{
    let builder = Store::<S>::builder(native(directory), store_id);
    let backend = std::env::var("STEPPER_BACKEND").ok();
    let is_synced = backend.is_some();
    let builder = match backend.as_deref() {
        Some("1") => builder.sync(MemoryBackend::new()),
        Some(port) => builder.sync(WireProvider::new(port)),
        None => builder,
    };
    let store = builder.open().expect("the store opens");
    say("open\n");
    std::thread::scope(|scope| {
        for thread in 1..=plan.threads {
            // Every second thread is a session of its own.
            let own = if thread % 2 == 0 {
                Store::open(native(directory), store_id).expect("it joins")
            } else {
                store.clone()
            };
            scope.spawn(move || step(&own, plan, thread));
        }
    });
    if is_synced {
        assert!(
            store.wait_sync(std::time::Duration::from_secs(60), SyncStatus::is_synced),
            "{:?}",
            store.sync_status()
        );
    }
    store.shutdown().expect("everything is drained");
}

fn step<S: Schema>(store: &Store<S>, plan: &Plan, thread: i64)
where
    Vec<Stepped>: Commit<S>,
{
    let mut rng = Rng::new((plan.run * 1_000 + thread) as u64);
    let (mut seq, mut commits) = (0, 0);
    while plan.commits == 0 || commits < plan.commits {
        let count = if rng.one_in(3) { 1 + rng.below(6) as i64 } else { 1 };
        let len = if rng.one_in(8) { rng.below(5_000) } else { rng.below(60) };
        let text = "x".repeat(len as usize);
        let event = |seq| Stepped { run: plan.run, thread, seq, text: text.clone() };
        let group: Vec<Stepped> = (seq + 1..=seq + count).map(event).collect();
        seq += count;
        say(&format!("begin {thread} {seq}\n"));
        store.commit(group).expect("the commit is taken");
        say(&format!("ack {thread} {seq}\n"));
        commits += 1;
    }
}

/// One write for each line: the pipe keeps what was written before the kill.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent reads");
}
