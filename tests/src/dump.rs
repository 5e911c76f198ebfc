//! State and eventlog as text, so that two of them can be compared byte for byte.

use crate::scratch::files;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Opens a database that no store has open, for reading.
///
/// # Panics
/// It cannot be opened.
#[must_use]
pub fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("the database opens")
}

/// The one state file in a store's folder.
///
/// # Panics
/// There is none, or more than one.
#[must_use]
pub fn state_file(folder: &Path) -> PathBuf {
    let mut found = files(folder, "state-", ".db");
    assert_eq!(found.len(), 1, "one state file in {}: {found:?}", folder.display());
    found.remove(0)
}

/// Removes the state files with what belongs to them.
///
/// # Panics
/// They cannot be removed.
pub fn delete_state(folder: &Path) {
    files(folder, "state-", "").iter().for_each(|path| std::fs::remove_file(path).expect("the file can be removed"));
}

/// The state of a closed store: every table and row, in the order of the primary key, and where on the log it stands.
#[must_use]
pub fn state(folder: &Path) -> String {
    database(&state_file(folder))
}

/// The same of a state file.
///
/// # Panics
/// It cannot be read.
#[must_use]
pub fn database(path: &Path) -> String {
    let db = open(path);
    let integrity: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check runs");
    assert_eq!(integrity, "ok", "{}", path.display());
    let mut text = String::new();
    for (name, sql) in tables(&db) {
        writeln!(text, "{sql}").expect("a String takes text");
        let columns = if name == "livestore_position" { "place, global, client, event_id" } else { "*" };
        text.push_str(&rows(&db, &format!("SELECT {columns} FROM \"{name}\"")));
    }
    text
}

fn tables(db: &Connection) -> Vec<(String, String)> {
    let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND type = 'table' ORDER BY name";
    let mut statement = db.prepare(sql).expect("the schema reads");
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("the schema reads");
    found.collect::<Result<_, _>>().expect("the schema reads")
}

/// The rows of a statement, sorted, one a line.
///
/// # Panics
/// The statement fails.
#[must_use]
pub fn rows(db: &Connection, sql: &str) -> String {
    let mut statement = db.prepare(sql).expect("the statement compiles");
    let columns = statement.column_count();
    let read = |row: &rusqlite::Row<'_>| {
        let values: Result<Vec<String>, _> = (0..columns).map(|index| row.get_ref(index).map(shown)).collect();
        values.map(|values| values.join("|"))
    };
    let found = statement.query_map([], read).expect("the statement runs");
    let mut lines: Vec<String> = found.collect::<Result<_, _>>().expect("the rows read");
    lines.sort();
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".into(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => format!("{:016x}", value.to_bits()),
        ValueRef::Text(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
