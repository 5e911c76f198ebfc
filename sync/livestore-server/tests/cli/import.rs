use crate::served::Served;
use crate::support::{Data, Ran, run, run_with_stdin};

fn exported(data: &Data) -> String {
    run(&data.path(), &["export", "notes"]).succeeded().stdout
}

fn write(data: &Data, name: &str, text: &str) -> String {
    std::fs::create_dir_all(data.path()).unwrap();
    let path = data.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn nothing_was_stored(data: &Data) {
    let stores = run(&data.path(), &["stores"]);
    assert!(stores.code == Some(1) || !stores.stdout.contains("copy"), "{stores:?}");
}

#[test]
fn what_was_exported_is_imported_the_same() {
    let source = Data::with("notes", 2_500);
    let text = exported(&source);
    let target = Data::new();
    let file = write(&target, "file", &text);
    let ran = run(&target.path(), &["import", "copy", &file]).succeeded();
    assert!(ran.stderr.starts_with("imported 2500 events into `copy`, backend id `"), "{}", ran.stderr);
    assert_eq!(target.entries("copy"), source.entries("notes"));
    assert_ne!(target.backend_id("copy"), source.backend_id("notes"), "it is another log");
    run(&target.path(), &["check"]).succeeded();
    // From a pipe, as the same log.
    let ran = run_with_stdin(&target.path(), &["import", "notes", "--keep-backend-id"], text.as_bytes()).succeeded();
    assert!(ran.stderr.contains("backend id `backend-of-notes`"), "{}", ran.stderr);
    assert_eq!(exported(&target), text);
}

#[test]
fn an_empty_log_is_a_log() {
    let source = Data::with("notes", 0);
    let target = Data::new();
    let text = exported(&source);
    run_with_stdin(&target.path(), &["import", "notes", "--keep-backend-id"], text.as_bytes()).succeeded();
    assert_eq!(target.backend_id("notes"), source.backend_id("notes"));
}

#[test]
fn a_pipe_that_breaks_off_at_once_makes_no_log() {
    let source = Data::with("notes", 12);
    let text = exported(&source);
    let target = Data::new();
    let cut: String = text.lines().take(5).flat_map(|line| [line, "\n"]).collect();
    run_with_stdin(&target.path(), &["import", "notes"], cut.as_bytes()).failed("the file is cut");
    assert_eq!(target.backend_id("notes"), None);
    let args = ["import", "notes", "--keep-backend-id"];
    run_with_stdin(&target.path(), &args, text.as_bytes()).succeeded();
    assert_eq!(exported(&target), text);
}

#[test]
fn an_import_goes_on_where_it_ended() {
    let source = Data::with("notes", 2_500);
    let text = exported(&source);
    let target = Data::new();
    // The pipe breaks in the middle of a line.
    let cut = &text.as_bytes()[..text.len() / 2];
    run_with_stdin(&target.path(), &["import", "notes", "-"], cut).failed("the file is cut");
    let had = target.entries("notes").len();
    assert!(had > 0 && had < 1_500, "{had}");
    run(&target.path(), &["check"]).succeeded();
    let backend_id = target.backend_id("notes");
    let file = write(&target, "file", &text);
    let ran = run(&target.path(), &["import", "notes", &file]).succeeded();
    assert!(ran.stderr.contains(&format!("imported {} events after the {had} that were there", 2_500 - had)));
    assert_eq!(target.entries("notes"), source.entries("notes"));
    assert_eq!(target.backend_id("notes"), backend_id, "a backend id never changes");
    let again = run(&target.path(), &["import", "notes", &file]).succeeded();
    assert!(again.stderr.starts_with("imported 0 events after the 2500 that were there"), "{}", again.stderr);
}

#[test]
fn a_file_that_was_cut_or_changed_is_not_imported() {
    let source = Data::with("notes", 12);
    let text = exported(&source);
    let lines: Vec<&str> = text.lines().collect();
    let without = |index: usize| {
        let mut lines = lines.clone();
        lines.remove(index);
        lines.join("\n") + "\n"
    };
    let cases = [
        (String::new(), "there is no whole line"),
        ("{}\n".into(), "line 1 is not the header"),
        ("hello\n".into(), "line 1 is not the header"),
        (text.replacen("eventlog", "photos", 1), "it is `photos`"),
        (text.replacen("\"version\":1", "\"version\":2", 1), "has version 2"),
        (without(12 + 1), "is cut: it ends after line 13"),
        (without(12), "it has 11 events, and should have 12"),
        (without(5), "line 6: e6 with the parent e5 stands where e5 should"),
        (text.replacen("v1.Thing", "v1.Other", 1), "its SHA-256 is another"),
        (text.replacen("\"by\":\"ada\"", "\"by\":\"eve\"", 1), "its SHA-256 is another"),
        (text.replacen("\"group\":1", "\"group\":2", 1), "leaves its commit group"),
        (text.replacen("\"head\":12", "\"head\":11", 1), "e12 comes after e11"),
        (format!("{text}{{}}\n"), "something behind the end"),
        (format!("{text}x"), "something behind the end"),
        (text.replacen("\"at\":", "\"when\":", 1), "line 2: there is no `at`"),
        (
            text.replacen("0000000000000007", "0000000000000005", 1),
            "line 8: e7 has the id 00000000000000000000000000000005",
        ),
        (text.replacen("null", &"[".repeat(200), 1), "line"),
        (text.replacen("null", &format!("\"{}\"", "a".repeat(900_000)), 1), "at most 900000"),
        (text.replacen("null", &"1".repeat(4 << 20), 1), "more than 4194304 bytes"),
    ];
    for (index, (text, why)) in cases.iter().enumerate() {
        let target = Data::new();
        let file = write(&target, "file", text);
        let ran = run(&target.path(), &["import", "copy", &file]).failed(why);
        assert!(ran.stderr.contains(&file), "case {index}: {ran:?}");
        nothing_was_stored(&target);
    }
}

#[test]
fn nothing_that_is_stored_is_touched() {
    let source = Data::with("notes", 10);
    let text = exported(&source);
    let other = Data::new();
    other.fill("notes", 3);
    other.damage("UPDATE event SET body = replace(body, 'v1.Thing', 'v1.Other') WHERE body LIKE '%\"seqNum\":2,%'");
    other.fill("long", 20);
    let file = write(&other, "file", &text);
    let before = (other.entries("notes"), other.entries("long"), other.backend_id("long"));
    let refused = |args: &[&str], why: &str| -> Ran { run(&other.path(), args).failed(why) };
    refused(&["import", "notes", &file], "`notes` holds another log than the file: e2 is not the same");
    refused(&["import", "long", &file], "`long` has 20 events already, and the file 10");
    refused(&["import", "long", &file, "--keep-backend-id"], "has the backend id `backend-of-long` already");
    refused(&["import", "../x", &file], "the store: ");
    refused(&["import", "notes", "/does/not/exist"], "cannot import `/does/not/exist`");
    assert_eq!((other.entries("notes"), other.entries("long"), other.backend_id("long")), before);
}

#[test]
fn a_running_server_keeps_its_directory() {
    let source = Data::with("notes", 3);
    let text = exported(&source);
    let target = Data::new();
    let served = Served::start(&target.path(), &[]);
    let file = write(&target, "file", &text);
    run(&target.path(), &["import", "copy", &file]).failed("another server holds");
    served.stop();
    run(&target.path(), &["import", "copy", &file]).succeeded();
}
