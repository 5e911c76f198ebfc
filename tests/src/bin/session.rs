//! A session in a process of its own, told what to do line by line: `session <directory> <store id> <run> [next | changed]`.
//!
//! `commit N` commits N steps one by one, `count` prints how many there are, `await N` waits until there are so many,
//! `leader` prints what the leader does, `durable` waits until what was committed last survives a power loss.

use livestore::*;
use livestore_tests::ledger::{App, NextApp, Step, Stepped, changed};
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
    let store = match Store::<S>::open(native(directory), store_id) {
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
            "durable" => {
                let waited = last.as_ref().map(|receipt: &Receipt| receipt.wait_durable(PATIENCE));
                say(&format!("{waited:?}"));
            }
            other => panic!("`{other}` is no command"),
        }
    }
    store.shutdown().expect("everything is drained");
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
