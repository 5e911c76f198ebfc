//! A process whose files may not grow: `full_disk <directory> <store id>`.
//!
//! It commits until it is refused, compares what it sees with what was taken, waits for a line on standard input, which
//! says that there is space again, and goes on. Every check that fails is a panic.

use livestore::*;
use livestore_tests::ledger::{App, Step, Stepped};
use std::io::Write;
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let store = Store::<App>::open(native(&args[1]), &args[2]).expect("the store opens");
    let mut acked = 0;
    let commit = |seq| store.commit(Stepped { run: 1, thread: 1, seq, text: "x".repeat(1_000) });
    let error = loop {
        match commit(acked + 1) {
            Ok(_) => acked += 1,
            Err(error) => break error,
        }
        assert!(acked < 100_000, "the disk never got full");
    };
    let CommitError::Storage(error) = error else { panic!("another error: {error}") };
    assert_eq!(error.kind, StorageKind::Full, "{error}");
    let seen = || store.query(&Step::query().count()).expect("state reads");
    assert_eq!(seen(), acked, "what was refused is not in state");
    for _ in 0..3 {
        commit(acked + 1).expect_err("still full");
        assert_eq!(seen(), acked);
    }
    // The leader's databases cannot grow either, and it says so.
    loop {
        match store.status().leader {
            LeaderState::Retrying { .. } => break,
            LeaderState::Running => std::thread::yield_now(),
            other => panic!("{other:?}"),
        }
    }
    say(&format!("full {acked}\n"));
    std::io::stdin().read_line(&mut String::new()).expect("the parent answers");
    let receipt = commit(acked + 1).expect("there is space again");
    receipt.wait(Duration::from_secs(60)).expect("and the leader goes on");
    assert_eq!(seen(), acked + 1);
    // The status follows the receipt, a moment later.
    while !matches!(store.status().leader, LeaderState::Running) {
        std::thread::yield_now();
    }
    store.shutdown().expect("everything is drained");
    say(&format!("done {}\n", acked + 1));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent reads");
}
