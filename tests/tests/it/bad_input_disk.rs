//! A disk that is full, and journals that a disk has changed.

use livestore::*;
use livestore_tests::ledger::{App, Step};
use livestore_tests::scratch::Scratch;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

const STORE: &str = "main";

fn open(directory: &Scratch) -> Store<App> {
    Store::open(native(directory.path()), STORE).expect("the store opens")
}

fn steps(store: &Store<App>) -> i64 {
    store.query(&Step::query().count()).expect("state reads")
}

/// A process whose files may grow to 200 kB each; a write beyond that fails, and the signal that tells of it is ignored.
fn limited(directory: &Scratch) -> Child {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 400; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_full_disk")])
        .arg(directory.path())
        .arg(STORE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the process starts")
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_refuses_commits_and_loses_none() {
    for is_killed in [false, true] {
        let directory = Scratch::new("full");
        let mut child = limited(&directory);
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut said = || lines.next().and_then(Result::ok).unwrap_or_default();
        let line = said();
        let full: i64 = line.strip_prefix("full ").and_then(|acked| acked.parse().ok()).expect(&line);
        assert!(full > 50, "{line}");
        let acked = if is_killed {
            child.kill().expect("it is there");
            full
        } else {
            let pid = child.id().to_string();
            let raised = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status();
            assert!(raised.expect("prlimit runs").success());
            writeln!(child.stdin.take().expect("it is piped"), "space").expect("it listens");
            let line = said();
            assert_eq!(line, format!("done {}", full + 1));
            full + 1
        };
        child.wait().expect("it ends");
        assert_eq!(steps(&open(&directory)), acked, "killed: {is_killed}");
    }
}

/// A directory whose session was killed before any leader took what it had committed; and how much that is.
fn backlog(name: &str) -> (Scratch, i64) {
    let directory = Scratch::new(name);
    let output = Command::new(env!("CARGO_BIN_EXE_stepper"))
        .arg(directory.path())
        .args([STORE, "1", "1", "0", "same"])
        .envs([("LIVESTORE_TEST_LINGER_MS", "60000"), ("LIVESTORE_CRASH_POINT", "journal.after-append:40")])
        .stderr(Stdio::null())
        .output()
        .expect("the process starts");
    let said = String::from_utf8_lossy(&output.stdout);
    // The abort came after the record was written, so the last commit is there too.
    let begun = said.lines().rev().find_map(|line| line.strip_prefix("begin 1 ")?.parse().ok()).expect("it began");
    (directory, begun)
}

#[test]
fn an_undamaged_journal_is_taken_whole() {
    let (directory, begun) = backlog("whole");
    let store = open(&directory);
    assert_eq!(steps(&store), begun);
    assert!(store.status().kept_aside.is_empty());
}

#[test]
fn a_damaged_journal_is_taken_as_far_as_it_reads_and_kept_aside() {
    let (directory, begun) = backlog("damaged");
    let path = directory.files(STORE, "journal-", ".log").remove(0);
    let mut bytes = std::fs::read(&path).expect("it reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).expect("it is written");
    for _ in 0..2 {
        let store = open(&directory);
        let taken = steps(&store);
        assert!(taken > 0 && taken < begun, "{taken} of {begun}");
        let aside = store.status().kept_aside;
        assert_eq!(aside.len(), 1, "the status names it: {aside:?}");
        assert_eq!(std::fs::read(&aside[0]).expect("it is there"), bytes, "nothing of it is lost");
        store.shutdown().expect("it drains");
    }
    // Mended and put back by hand, the rest is taken, and nothing twice.
    bytes[middle] ^= 1;
    let aside = directory.files(STORE, "journal-", ".damaged").remove(0);
    std::fs::remove_file(aside).expect("it is removed");
    std::fs::write(&path, &bytes).expect("it is written");
    let store = open(&directory);
    assert_eq!(steps(&store), begun);
    assert!(store.status().kept_aside.is_empty());
}

#[test]
fn a_journal_without_a_head_is_kept_and_one_without_content_is_not() {
    let (directory, _) = backlog("head");
    let path = directory.files(STORE, "journal-", ".log").remove(0);
    let mut bytes = std::fs::read(&path).expect("it reads");
    bytes[20] ^= 1;
    std::fs::write(&path, &bytes).expect("it is written");
    let zeros = path.with_file_name("journal-00000000000000000000aa-000000.log");
    std::fs::write(&zeros, [0; 500]).expect("it is written");
    let store = open(&directory);
    assert_eq!(steps(&store), 0);
    assert_eq!(store.status().kept_aside.len(), 1);
    assert!(!zeros.exists(), "a power loss leaves such a file, and nothing was ever in it");
}
