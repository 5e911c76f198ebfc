//! The program as scripts use it: output, errors and exit codes.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;

fn todo(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_todo"));
    command.arg("--dir").arg(dir).stdin(Stdio::null());
    command
}

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What it printed, after a good end.
#[track_caller]
fn printed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(0), ""));
    String::from_utf8(stdout).unwrap()
}

/// The one line it complained with.
#[track_caller]
fn complaint(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len(), stderr.lines().count()), (Some(1), 0, 1), "{stderr}");
    stderr
}

#[track_caller]
fn add(dir: &Path, text: &str) -> String {
    let id = printed(todo(dir).args(["add", "--", text]));
    id.strip_suffix('\n').unwrap().to_owned()
}

fn list(dir: &Path) -> Value {
    serde_json::from_str(&printed(todo(dir).args(["list", "--json"]))).unwrap()
}

#[test]
fn added_todos_are_listed_in_order_and_can_be_done() {
    let dir = temp();
    let (milk, bread) = (add(dir.path(), "milk"), add(dir.path(), "bread"));
    assert_eq!(printed(todo(dir.path()).args(["done", &bread])), "");
    let listed = json!([
        { "id": milk, "text": "milk", "completed": false },
        { "id": bread, "text": "bread", "completed": true },
    ]);
    assert_eq!(list(dir.path()), listed);
    assert_eq!(printed(todo(dir.path()).arg("list")), format!("[ ] {milk}  milk\n[x] {bread}  bread\n"));
    // Done twice is done, and says nothing.
    assert_eq!(printed(todo(dir.path()).args(["done", &bread])), "");
    assert_eq!(list(dir.path()), listed);
}

#[test]
fn json_rows_have_their_keys_in_one_order() {
    let dir = temp();
    let id = add(dir.path(), "milk");
    let expected = format!("[{{\"id\":\"{id}\",\"text\":\"milk\",\"completed\":false}}]\n");
    assert_eq!(printed(todo(dir.path()).args(["list", "--json"])), expected);
}

#[test]
fn hostile_texts_come_back_as_they_were() {
    let dir = temp();
    let long = "長い🦀".repeat(2_500);
    let texts = [
        "'; DROP TABLE todos; --",
        "\"quoted\" 'twice' \\ back",
        "👩‍👩‍👧 🏳️‍🌈 日本語 ﷽ a\u{301}",
        "two\nlines\r\nand\ttabs",
        "\x1b[31mred\x07",
        "-x --json",
        "{\"id\":1}",
        "  spaces  ",
        &long,
    ];
    let expected: Vec<Value> =
        texts.iter().map(|text| json!({ "id": add(dir.path(), text), "text": text, "completed": false })).collect();
    assert_eq!(list(dir.path()), Value::from(expected));
    // For people each is one line, and nothing in it steers the terminal.
    let lines = printed(todo(dir.path()).arg("list"));
    assert_eq!(lines.lines().count(), texts.len());
    assert!(!lines.contains('\x1b'));
}

#[test]
fn a_text_may_be_several_words_or_begin_with_a_dash() {
    let dir = temp();
    printed(todo(dir.path()).args(["add", "buy", "oat", "milk"]));
    printed(todo(dir.path()).args(["add", "-x"]));
    printed(todo(dir.path()).args(["add", "--", "-y", "-z"]));
    let texts: Vec<Value> = list(dir.path()).as_array().unwrap().iter().map(|row| row["text"].clone()).collect();
    assert_eq!(texts, ["buy oat milk", "-x", "-y -z"]);
}

#[test]
fn the_place_may_stand_after_the_command_too() {
    let dir = temp();
    let mut command = Command::new(env!("CARGO_BIN_EXE_todo"));
    printed(command.args(["add", "milk", "--store", "work", "--dir"]).arg(dir.path()).stdin(Stdio::null()));
    assert_eq!(list(dir.path()), json!([]));
    let work = printed(todo(dir.path()).args(["--store", "work", "list"]));
    assert!(work.ends_with("milk\n"), "{work}");
}

#[test]
fn the_beginning_of_an_id_is_enough_where_it_is_the_only_one() {
    let dir = temp();
    let id = add(dir.path(), "milk");
    printed(todo(dir.path()).args(["done", &id[..4]]));
    assert_eq!(list(dir.path())[0]["completed"], true);
    // 33 ids of 32 letters: two begin alike.
    let ids: Vec<String> = (0..33).map(|_| add(dir.path(), "more")).collect();
    let shared = ids.iter().map(|id| &id[..1]).find(|first| ids.iter().filter(|id| id.starts_with(first)).count() > 1);
    let error = complaint(todo(dir.path()).args(["done", shared.unwrap()]));
    assert!(error.contains("give more of it"), "{error}");
}

#[test]
fn mistakes_are_told_in_one_line() {
    let dir = temp();
    let check = |args: &[&str], says: &str| {
        let error = complaint(todo(dir.path()).args(args));
        assert!(error.starts_with("todo: ") && error.contains(says), "{args:?}: {error}");
    };
    check(&["add", ""], "the text is empty");
    check(&["add", " \n "], "the text is empty");
    check(&["done", "nosuchid"], "no todo has the id `nosuchid`");
    check(&["done", ""], "no todo has the id");
    check(&["done", "%"], "no todo has the id");
    check(&["--store", "no spaces", "list"], "store id `no spaces` is not valid");
    check(&[], "run a command");
}

#[test]
fn a_directory_that_cannot_be_used_is_told() {
    let dir = temp();
    let file = dir.path().join("file");
    std::fs::write(&file, "text").unwrap();
    for bad in [file.join("below"), file] {
        let error = complaint(todo(&bad).arg("list"));
        assert!(error.contains("file") && error.contains("choose another directory"), "{error}");
    }
}

#[test]
fn files_that_are_damaged_or_newer_are_told_and_left_alone() {
    let check = |file: &str, content: &str, says: &str| {
        let dir = temp();
        add(dir.path(), "milk");
        let file = dir.path().join(file);
        std::fs::write(&file, content).unwrap();
        let error = complaint(todo(dir.path()).arg("list"));
        assert!(error.contains(says), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
    };
    check("livestore.json", "{\"format\":99,\"clientId\":\"abcdef\"}", "format 99");
    check("livestore.json", "no json", "livestore.json");
    check("store-todos/eventlog.db", &"no database ".repeat(1_000), "eventlog.db");
}

/// `todo watch --json` with its input and output in our hands.
struct Watch {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Watch {
    fn start(dir: &Path) -> Self {
        let mut child =
            todo(dir).args(["watch", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    fn end(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_watch_begins_with_the_present_list_and_ends_with_its_input() {
    let dir = temp();
    add(dir.path(), "milk");
    let mut watch = Watch::start(dir.path());
    let rows: Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!(rows[0]["text"], "milk");
    // What is written to it is no command and no end.
    watch.child.stdin.as_mut().unwrap().write_all(b"anything\n").unwrap();
    assert_eq!(watch.child.try_wait().unwrap(), None);
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn a_watch_without_input_prints_the_present_list_once() {
    let dir = temp();
    assert_eq!(printed(todo(dir.path()).args(["watch", "--json"])), "[]\n");
}

#[test]
fn a_watch_sees_what_other_processes_commit() {
    let dir = temp();
    let mut watch = Watch::start(dir.path());
    assert_eq!(watch.line(), "[]\n");
    let id = add(dir.path(), "milk");
    assert_eq!(watch.line(), format!("[{{\"id\":\"{id}\",\"text\":\"milk\",\"completed\":false}}]\n"));
    printed(todo(dir.path()).args(["done", &id]));
    assert_eq!(watch.line(), format!("[{{\"id\":\"{id}\",\"text\":\"milk\",\"completed\":true}}]\n"));
    // Another store in the same directory is another list.
    printed(todo(dir.path()).args(["--store", "other", "add", "bread"]));
    assert_eq!(watch.end(), Some(0));
    assert_eq!(list(dir.path()).as_array().unwrap().len(), 1);
}

#[test]
fn todos_that_processes_add_at_once_are_all_there_in_one_order() {
    let dir = temp();
    let adding: Vec<Child> = (0..8)
        .map(|n| todo(dir.path()).args(["add", &format!("todo {n}")]).stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in adding {
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    }
    let mut texts: Vec<Value> = list(dir.path()).as_array().unwrap().iter().map(|row| row["text"].clone()).collect();
    assert_eq!(list(dir.path()), list(dir.path()));
    texts.sort_by_key(Value::to_string);
    assert_eq!(texts, (0..8).map(|n| format!("todo {n}")).collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn a_killed_watch_leaves_the_list_free_and_whole() {
    let dir = temp();
    add(dir.path(), "milk");
    let mut watch = Watch::start(dir.path());
    watch.line();
    watch.child.kill().unwrap();
    assert_eq!(watch.end(), None);
    assert_eq!(list(dir.path())[0]["text"], "milk");
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_a_good_end_of_a_watch() {
    for signal in ["-INT", "-TERM"] {
        let dir = temp();
        let mut watch = Watch::start(dir.path());
        assert_eq!(watch.line(), "[]\n");
        let pid = watch.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert_eq!(watch.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_reader_that_is_gone_is_a_good_end() {
    let dir = temp();
    add(dir.path(), "milk");
    for command in ["list", "watch"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = todo(dir.path()).args([command, "--json"]).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{command}");
    }
}

#[test]
fn help_shows_examples() {
    let help = printed(Command::new(env!("CARGO_BIN_EXE_todo")).arg("--help"));
    assert!(help.contains("Examples:") && help.contains("todo add buy milk"), "{help}");
}
