use crate::support::{Data, run};

#[test]
fn whole_logs_are_whole() {
    let data = Data::with("notes", 2_345);
    data.fill("empty", 0);
    let checked = run(&data.path(), &["check"]).succeeded();
    assert_eq!(checked.stdout, "`empty` is whole: 0 events\n`notes` is whole: 2345 events\n");
    let checked = run(&data.path(), &["check", "empty"]).succeeded();
    assert_eq!(checked.stdout, "`empty` is whole: 0 events\n");
    run(&data.path(), &["check", "other"]).failed("there is no store `other`");
}

/// One defect, what `check` says of it, and whether it shows in the store's own log.
fn check(sql: &str, said: &str) {
    let data = Data::with("notes", 40);
    data.fill("sound", 5);
    data.damage(sql);
    let checked = run(&data.path(), &["check"]);
    assert_eq!(checked.code, Some(3), "{sql}: {checked:?}");
    assert!(checked.stdout.contains(said), "{sql}: {checked:?}");
    assert!(checked.stdout.contains("`sound` is whole: 5 events"), "{sql}: {checked:?}");
    run(&data.path(), &["check", "sound"]).succeeded();
}

#[test]
fn every_defect_is_found_and_named() {
    check("DELETE FROM event WHERE body LIKE '%\"seqNum\":7,%'", "`notes` is damaged: e7 of `notes` is missing");
    check("DELETE FROM event WHERE body LIKE '%\"seqNum\":40,%'", "`notes` is damaged: e40 of `notes` is missing");
    check("UPDATE event SET body = '{' WHERE body LIKE '%\"seqNum\":7,%'", "`notes` is damaged: e7 does not read");
    let body = |from: &str, to: &str| {
        format!(
            "UPDATE event SET body = replace(body, '{from}', '{to}') WHERE place & 1023 = 7 AND body LIKE '%{from}%'"
        )
    };
    check(&body("\"seqNum\":7", "\"seqNum\":8"), "e7 says that it is e8");
    check(&body("\"parentSeqNum\":6", "\"parentSeqNum\":5"), "e7 with the parent e5 stands where e7 should");
    check(&body("\"group\":0", "\"group\":1"), "e7 says another place in its commit group than its row");
    check("UPDATE event SET rest = NULL WHERE place & 1023 = 7", "e7 says another place in its commit group");
    check(
        "UPDATE event SET rest = 1, body = replace(body, '\"group\":0', '\"group\":1') WHERE place & 1023 = 7",
        "leaves its commit group",
    );
    check(
        &body("00000007\"", "00000005\""),
        "`notes` is damaged: e7 has the id 00000000000000000000000000000005, which an event before it has",
    );
    check("UPDATE store SET backend_id = '' WHERE name = 'notes'", "`notes` is damaged: its backend id");
    check("UPDATE store SET head = 39 WHERE name = 'notes'", "the storage is damaged: e40 of `notes` stands behind");
    check("UPDATE store SET head = 41 WHERE name = 'notes'", "`notes` is damaged");
    check("DELETE FROM store WHERE name = 'notes'", "the storage is damaged: e1 of a store that is not there");
}

#[test]
fn a_group_that_the_end_cuts_is_found() {
    let data = Data::with("notes", 7);
    data.damage("DELETE FROM event WHERE place & 1023 = 7");
    data.damage("UPDATE store SET head = 6");
    let checked = run(&data.path(), &["check", "notes"]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(checked.stdout.contains("e6 is the last, 1 events before its commit group ends"), "{checked:?}");
}

#[test]
fn another_file_is_none_of_ours() {
    let data = Data::with("notes", 1);
    data.damage("INSERT INTO store VALUES (9, 'x', 'y', 0, 0)");
    let db = rusqlite::Connection::open(data.path().join("eventlog.db")).unwrap();
    db.pragma_update(None, "user_version", 3).unwrap();
    run(&data.path(), &["check"]).failed("the file has format 3");
    db.pragma_update(None, "application_id", 1).unwrap();
    run(&data.path(), &["stores"]).failed("holds something else");
}
