use crate::support::{Data, run};

#[test]
fn stores_are_listed_by_name_with_the_length_of_their_logs() {
    let data = Data::with("notes", 7);
    data.fill("empty", 0);
    let table = run(&data.path(), &["stores"]).succeeded();
    let lines: Vec<Vec<&str>> = table.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["STORE", "EVENTS", "BACKEND", "ID", "CREATED"]);
    assert_eq!(lines[1][..3], ["empty", "0", "backend-of-empty"]);
    assert_eq!(lines[2][..3], ["notes", "7", "backend-of-notes"]);
    assert_eq!(lines.len(), 3);
    let json = run(&data.path(), &["stores", "--json"]).succeeded();
    let rows: Vec<serde_json::Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[1]["storeId"], "notes");
    assert_eq!(rows[1]["head"], 7);
    assert_eq!(rows[1]["backendId"], "backend-of-notes");
    assert!(rows[1]["createdAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!((table.stderr.as_str(), json.stderr.as_str()), ("", ""));
}

#[test]
fn reading_makes_nothing() {
    let data = Data::new();
    for args in [&["stores"][..], &["check"], &["export", "s"]] {
        run(&data.path(), args).failed("(no eventlog.db): is `--data` right?");
    }
    assert!(!data.path().exists());
}

#[test]
fn a_wrong_command_line_has_a_code_of_its_own() {
    let data = Data::new();
    for args in [&["frobnicate"][..], &["export"], &["export", "s", "--replace"], &["stores", "--what"]] {
        assert_eq!(run(&data.path(), args).code, Some(2), "{args:?}");
    }
}
