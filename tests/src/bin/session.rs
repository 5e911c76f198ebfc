//! A session in a process of its own, told what to do line by line: `session <directory> <store id> <run> [next | changed]`.
//!
//! `commit N` commits N steps one by one, `count` prints how many there are, `await N` waits until there are so many,
//! `leader` prints what the leader does, `durable` waits until what was committed last survives a power loss.
//!
//! With `SESSION_BACKEND`, a port, the store is synced; `SESSION_ASIDE` keeps aside what another backend does not hold. Then `synced N`
//! waits until N events are confirmed and nothing waits, `state` prints what sync does, `outcome` tells what became of the last commit, `log` prints what is confirmed
//! in its order, `kept` how many files are kept aside.

use livestore::*;
use livestore_tests::ledger::{App, NextApp, Step, Stepped, changed};
use livestore_tests::wire_backend::WireProvider;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let run = args[3].parse().expect("a number");
    match args.get(4).map(String::as_str) {
        Some("next") => serve::<NextApp>(&args[1], &args[2], run),
        Some("changed") => serve::<changed::App>(&args[1], &args[2], run),
        _ => serve::<App>(&args[1], &args[2], run),
    }
}

fn serve<S: Schema>(directory: &str, store_id: &str, run: i64)
where
    Stepped: Commit<S>,
{
    let builder = Store::<S>::builder(native(directory), store_id);
    let builder = match std::env::var("SESSION_BACKEND") {
        Ok(port) => builder.sync(WireProvider::new(&port)),
        Err(_) => builder,
    };
    let is_aside = std::env::var_os("SESSION_ASIDE").is_some();
    let policy = if is_aside { OnOtherBackend::KeepAside } else { OnOtherBackend::Rejoin };
    let store = match builder.on_other_backend(policy).open() {
        Ok(store) => store,
        Err(error) => return say(&format!("error {error}")),
    };
    say("open");
    let (mut seq, mut last) = (0, None);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("the parent writes lines");
        let (word, number) = line.split_once(' ').unwrap_or((&line, "0"));
        let number: usize = number.parse().expect("a number");
        match word {
            "commit" => {
                for _ in 0..number {
                    seq += 1;
                    let event = Stepped { run, thread: 1, seq, text: "x".into() };
                    last = Some(store.commit(event).expect("the commit is taken"));
                }
                say(&format!("committed {seq}"));
            }
            "count" => say(&format!("{}", count(&store))),
            "await" => say(&format!("{}", wait_for(&store, number))),
            "leader" => say(&format!("{:?}", store.status().leader)),
            "synced" => {
                let is_synced = |status: &SyncStatus| status.is_synced() && status.synced == number as u64;
                let waited = store.wait_sync(PATIENCE, is_synced);
                say(&if waited {
                    "synced".to_owned()
                } else {
                    format!("{:?} {:?}", store.sync_status(), store.status())
                });
            }
            "state" => say(&format!("{:?}", store.sync_status().state)),
            "outcome" => say(&match last.as_ref().map(|receipt: &Receipt| receipt.wait(PATIENCE)) {
                Some(Ok(outcome)) => format!("{} {:?}", outcome.number, outcome.quarantined),
                Some(Err(error)) => error.to_string(),
                None => "nothing was committed".into(),
            }),
            "log" => say(&log(&store)),
            "kept" => say(&format!("{}", store.status().kept_aside.len())),
            "durable" => {
                let waited = last.as_ref().map(|receipt: &Receipt| receipt.wait_durable(PATIENCE));
                say(&format!("{waited:?}"));
            }
            other => panic!("`{other}` is no command"),
        }
    }
    store.shutdown().expect("everything is drained");
}

fn log<S: Schema>(store: &Store<S>) -> String {
    let mut events = store.events::<Stepped>().until_now();
    let steps = std::iter::from_fn(|| events.try_next()).map(|event| {
        let Stepped { run, seq, .. } = event.expect("it reads").event;
        format!("{run}.{seq}")
    });
    steps.collect::<Vec<_>>().join(" ")
}

fn count<S: Schema>(store: &Store<S>) -> usize {
    store.query(&Step::query().count()).expect("state reads") as usize
}

/// Follows a live query until it shows so many.
fn wait_for<S: Schema>(store: &Store<S>, number: usize) -> usize {
    let mut counts = store.changes(&query_db(Step::query().count())).expect("it runs");
    let deadline = Instant::now() + PATIENCE;
    let mut seen = 0;
    while seen != number && Instant::now() < deadline {
        seen = counts.next_timeout(Duration::from_millis(200)).map_or(seen, |count| *count as usize);
    }
    seen
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the parent reads");
}
