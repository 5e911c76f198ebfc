//! Two lists in different directories, on one server.

mod backend;

use backend::{Backend, LONG, texts};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
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
fn a_process_that_leads_without_a_backend_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    let backend = Backend::start(&dir.path().join("backend"));
    let mut leader = Command::new(env!("CARGO_BIN_EXE_todo"));
    let leader = leader.arg("--dir").arg(&list).args(["watch", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut leader = leader.spawn().unwrap();
    let mut lines = BufReader::new(leader.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "[]");
    let output = backend.todo(&list).args(["add", "milk"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("todo: not synced: the process that has the list open does not sync; "), "{told}");
    assert_eq!(texts(&lines.next().unwrap().unwrap()), ["milk"]);
    drop(leader.stdin.take());
    assert!(leader.wait().unwrap().success());
    assert_eq!(backend.wait_for(&list, 1), ["milk"], "the next one that syncs hands it over");
    assert_eq!(backend.wait_for(&dir.path().join("other"), 1), ["milk"]);
}

#[test]
fn what_is_wrong_with_a_url_is_told_in_the_words_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let told = |url: &str, option: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_todo"));
        command.arg("--dir").arg(dir.path()).args(["--sync", url]).args(option).args(["add", "milk"]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, plain) = told("ws://192.0.2.2:8787", &[]);
    assert!(code == Some(1) && plain.contains("`--allow-plaintext`") && !plain.contains("()"), "{plain}");
    let (code, login) = told("wss://ada:secret@sync.example.com", &[]);
    assert!(code == Some(1) && login.contains("`--token-file FILE`") && !login.contains("secret"), "{login}");
    let (code, query) = told("ws://127.0.0.1:1/?key=secret", &[]);
    assert!(code == Some(1) && query.contains("it has a query") && !query.contains("secret"), "{query}");
    let (code, allowed) = told("ws://192.0.2.2:1", &["--allow-plaintext"]);
    assert!(code == Some(0) && allowed.starts_with("todo: not synced: "), "{allowed}");
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
    assert_eq!(reader, "todo: not synced: the backend takes no events: not allowed (1 event waits)\n");
    let stranger = told("stranger-0123456789abcde", &["list"]);
    assert!(stranger.starts_with("todo: not synced: not authorized: "), "{stranger}");
}
