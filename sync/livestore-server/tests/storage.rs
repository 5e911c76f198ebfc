//! The embedded storage: the conformance suite, and what is its own.

use livestore_server::storage::{
    Appended, Entry, ReadMax, SqliteStorage, Storage, StorageError, Synchronous, conformance,
};
use std::sync::Arc;

fn entry(number: u64) -> Entry {
    let body = format!(r#"{{"seqNum":{number}}}"#).into();
    Entry { number, rest: None, created_at_ms: 0, principal: None, body }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_conforms() {
    for synchronous in [Synchronous::Full, Synchronous::Normal] {
        let dir = tempfile::tempdir().unwrap();
        let open = || async { Ok(Arc::new(SqliteStorage::open(dir.path(), synchronous)?) as Arc<dyn Storage>) };
        let report = conformance::run(open).await;
        assert!(report.failures().is_empty(), "{report}");
        assert_eq!(report.checked(), 11, "{report}");
    }
}

#[tokio::test]
async fn a_directory_has_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let first = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap();
    let second = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap_err();
    assert!(second.to_string().contains("another server holds"), "{second}");
    drop(first);
    SqliteStorage::open(dir.path(), Synchronous::Full).unwrap();
}

#[tokio::test]
async fn a_foreign_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("eventlog.db");
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").unwrap();
    drop(foreign);
    let error = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
    let foreign = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(foreign.query_row("SELECT x FROM mine", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[tokio::test]
async fn a_missing_event_is_damage_and_not_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap();
    let log = storage.create("s", "b").await.unwrap();
    assert_eq!(storage.append("s", &log, (1..=5).map(entry).collect()).await.unwrap(), Appended::Stored);
    drop(storage);
    let db = rusqlite::Connection::open(dir.path().join("eventlog.db")).unwrap();
    assert_eq!(db.execute("DELETE FROM event WHERE body LIKE '%:3}'", []).unwrap(), 1);
    let storage = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap();
    let max = ReadMax { events: 10, bytes: 1_000 };
    let error = storage.read("s", 0, max).await.unwrap_err();
    assert!(error.to_string().contains("e3 of `s` is missing"), "{error}");
    assert_eq!(storage.read("s", 3, max).await.unwrap().len(), 2);
}

/// The tables as format 1 had them, with two logs.
const FORMAT_1: &str = r#"
PRAGMA journal_mode = WAL;
CREATE TABLE store (
    key        INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    backend_id TEXT    NOT NULL,
    head       INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE event (
    place      INTEGER PRIMARY KEY,
    rest       INTEGER,
    created_at INTEGER NOT NULL,
    principal  TEXT,
    body       TEXT    NOT NULL
) STRICT;
INSERT INTO store VALUES (1, 's', 'b', 3, 7), (2, 't', 'c', 1, 8);
INSERT INTO event VALUES
    (1099511627777, NULL, 1, NULL, '{"seqNum":1,"id":"0a0a0a0a0a0a0a0a0a0a0a0000000005"}'),
    (1099511627778, NULL, 2, 'me', '{"seqNum":2,"id":"0a0a0a0a0a0a0a0a0a0a0a0000000003"}'),
    (1099511627779, 0,    3, NULL, '{"seqNum":3,"args":{"id":"x"}}'),
    (2199023255553, NULL, 4, NULL, '{"seqNum":1,"id":"0b0b0b0b0b0b0b0b0b0b0bffffffffff"}');
PRAGMA application_id = 0x4c535356;
PRAGMA user_version = 1;
"#;

#[tokio::test]
async fn a_file_of_format_1_is_migrated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("eventlog.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(FORMAT_1).unwrap();
    let max = ReadMax { events: 10, bytes: 1_000 };
    let (a, b) = ([10; 11], [11; 11]);
    let before = SqliteStorage::open_read_only(dir.path()).unwrap().read("s", 0, max).await.unwrap();
    assert_eq!(before.len(), 3, "it is read as it is");
    for _ in 0..2 {
        let storage = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap();
        assert_eq!(storage.read("s", 0, max).await.unwrap(), before);
        assert_eq!(storage.origins("s", vec![a, b]).await.unwrap(), [Some(5), None]);
        assert_eq!(storage.origins("t", vec![a, b]).await.unwrap(), [None, Some((1 << 40) - 1)]);
    }
    let storage = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap();
    let log = storage.load("s").await.unwrap().unwrap();
    assert_eq!(storage.append("s", &log, vec![entry(4)]).await.unwrap(), Appended::Stored);
    drop(storage);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let error = SqliteStorage::open(dir.path(), Synchronous::Full).unwrap_err();
    assert!(error.to_string().contains("the file has format 3"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data");
    let storage = SqliteStorage::open(&dir, Synchronous::Full).unwrap();
    storage.create("s", "b").await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in std::fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension != "lock") {
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        }
    }
}
