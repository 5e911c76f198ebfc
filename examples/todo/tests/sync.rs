//! Two lists in different directories, on one server.

mod backend;

use backend::{Backend, LONG, texts};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

#[test]
fn lists_in_two_directories_follow_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let backend = Backend::start(&dir.path().join("backend"));
    let mut watch = backend.todo(&second);
    let mut watch = watch.args(["watch", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "[]");
    backend.printed(&first, &["add", "milk"]);
    assert_eq!(texts(&lines.next().unwrap().unwrap()), ["milk"], "it comes while the other one watches");
    drop(watch.stdin.take());
    assert!(watch.wait().unwrap().success());
}

#[test]
fn what_was_done_without_a_network_is_handed_over_later() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let data = dir.path().join("backend");
    let mut backend = Backend::start(&data);
    backend.printed(&first, &["add", "milk"]);
    assert_eq!(backend.wait_for(&second, 1), ["milk"]);
    backend.stop();
    // Both go on, each for itself, and no command fails or hangs.
    backend.printed(&first, &["add", "bread"]);
    backend.printed(&second, &["add", "salt"]);
    assert_eq!(backend.texts(&first), ["milk", "bread"]);
    assert_eq!(backend.texts(&second), ["milk", "salt"]);
    backend.go_on(&data);
    backend.wait_for(&first, 2);
    assert_eq!(backend.wait_for(&second, 3).len(), 3);
    let agreed = backend.wait_for(&first, 3);
    assert_eq!(agreed, backend.wait_for(&second, 3), "one order for both");
    assert_eq!(agreed.len(), 3);
}

#[test]
fn a_command_that_did_not_sync_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    let mut backend = Backend::start(&dir.path().join("backend"));
    backend.stop();
    let told = |args: &[&str]| {
        let output = backend.todo(&list).args(args).output().unwrap();
        assert!(output.status.success(), "without a network nothing fails");
        String::from_utf8(output.stderr).unwrap()
    };
    for args in [["add", "milk"].as_slice(), &["list"]] {
        let told = told(args);
        assert!(told.starts_with("todo: not synced: ") && told.lines().count() == 1, "{told}");
    }
}

#[test]
fn who_may_only_read_or_not_even_that_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("backend");
    let mut backend = Backend::start(&data);
    backend.printed(&dir.path().join("writer"), &["add", "milk"]);
    backend.stop();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "reader-0123456789abcdef * read\n").unwrap();
    backend.serve(&data, Some(&tokens));
    let told = |token: &str, args: &[&str]| {
        let file = dir.path().join(token);
        std::fs::write(&file, token).unwrap();
        let deadline = Instant::now() + LONG;
        loop {
            let mut command = backend.todo(&dir.path().join("list"));
            let output = command.arg("--token-file").arg(&file).args(args).output().unwrap();
            assert!(output.status.success(), "what is local works for everybody");
            // On a busy machine a second may not be enough to be told anything.
            if !output.stderr.is_empty() || Instant::now() > deadline {
                return String::from_utf8(output.stderr).unwrap();
            }
        }
    };
    let reader = told("reader-0123456789abcdef", &["add", "bread"]);
    assert_eq!(reader, "todo: not synced: the backend takes no events: not allowed\n");
    let stranger = told("stranger-0123456789abcde", &["list"]);
    assert!(stranger.starts_with("todo: not synced: not authorized: "), "{stranger}");
}
