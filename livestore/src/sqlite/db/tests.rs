use super::*;
use crate::sqlite::guard::StateRules;

fn state() -> Db {
    let rules = StateRules { client_only: ["ui"].into(), cascades: [("lists", ["items"].into())].into() };
    let db = Db::open(Place::Memory, Arc::new(rules)).unwrap();
    db.configure(Durability::Process).unwrap();
    db.batch(
        "CREATE TABLE lists(id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE items(id TEXT PRIMARY KEY NOT NULL, list TEXT REFERENCES lists(id) ON DELETE CASCADE, n INTEGER) STRICT, WITHOUT ROWID;
         CREATE TABLE ui(id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE livestore_position(id INTEGER PRIMARY KEY NOT NULL) STRICT;",
    )
    .unwrap();
    db
}

fn outcome(role: Role, sql: &str) -> String {
    let db = state();
    db.act_as(role);
    let result = match role {
        Role::Reader => db.select(sql, &[], &mut |_| Ok(())).map(|()| 0),
        _ => db.write(sql, &[], &mut |_| Ok(())),
    };
    match result {
        Ok(_) => format!("wrote {}", db.take_writes().tables().collect::<Vec<_>>().join(" ")),
        Err(QueryError::Forbidden { what, .. }) => what,
        Err(error) => error.to_string(),
    }
}

#[test]
fn queries_do_not_write() {
    for sql in ["UPDATE lists SET id = 'x'", "DELETE FROM lists", "INSERT INTO lists VALUES('a') RETURNING id"] {
        assert!(outcome(Role::Reader, sql).contains("does not run statements that write"), "{sql}");
    }
    assert_eq!(outcome(Role::Reader, "PRAGMA user_version = 3"), "PRAGMA");
    assert_eq!(outcome(Role::Reader, "ATTACH ':memory:' AS other"), "ATTACH or DETACH");
    assert_eq!(outcome(Role::Reader, "SAVEPOINT x"), "a savepoint statement");
    assert_eq!(outcome(Role::Reader, "COMMIT"), "a transaction statement");
    assert_eq!(outcome(Role::Reader, "CREATE TEMP TABLE t(a)"), "DDL");
    assert_eq!(outcome(Role::Reader, "SELECT 1; SELECT 2"), "more than one statement in one text");
}

#[test]
fn materializers_keep_to_their_side_and_to_what_is_deterministic() {
    let synced = |sql| outcome(Role::SyncedEvent, sql);
    assert_eq!(synced("INSERT INTO lists VALUES('a')"), "wrote lists");
    assert_eq!(synced("REPLACE INTO lists VALUES('a')"), "wrote items lists");
    assert_eq!(synced("DELETE FROM lists WHERE id = 'a'"), "wrote items lists");
    assert_eq!(synced("UPDATE items SET n = 1"), "wrote items");
    assert_eq!(synced("INSERT INTO ui VALUES('a')"), "writing the client-only table `ui` in a synced event");
    assert_eq!(synced("INSERT INTO lists SELECT id FROM ui"), "reading the client-only table `ui` in a synced event");
    assert_eq!(synced("INSERT INTO lists VALUES(random())"), "the function `random`, which is not deterministic,");
    assert_eq!(
        synced("INSERT INTO lists VALUES(CURRENT_TIMESTAMP)"),
        "the function `current_timestamp`, which is not deterministic,"
    );
    assert_eq!(synced("INSERT OR ROLLBACK INTO lists VALUES('a')"), "OR ROLLBACK");
    assert_eq!(synced("INSERT OR /* ' */ rollback INTO lists VALUES('a')"), "OR ROLLBACK");
    assert_eq!(synced("INSERT INTO lists VALUES('or rollback')"), "wrote lists");
    assert_eq!(synced("DELETE FROM livestore_position"), "writing the library's own table `livestore_position`");
    assert_eq!(synced("DROP TABLE lists"), "DDL");
    let client_only = |sql| outcome(Role::ClientOnlyEvent, sql);
    assert_eq!(client_only("INSERT INTO ui SELECT id FROM lists"), "wrote ui");
    assert_eq!(client_only("UPDATE lists SET id = 'x'"), "writing the synced table `lists` in a client-only event");
}

#[test]
fn a_replacing_update_counts_as_rows_that_went() {
    let db = state();
    let counts = db.track(&mut || db.select("SELECT count(*) FROM items", &[], &mut |_| Ok(())).unwrap());
    let meets = |sql: &str| {
        db.act_as(Role::SyncedEvent);
        db.write(sql, &[], &mut |_| Ok(())).unwrap();
        db.act_as(Role::Reader);
        db.take_writes().meets(&counts)
    };
    assert!(!meets("UPDATE items SET n = 1"));
    assert!(meets("UPDATE OR REPLACE items SET id = 'a'"));
    assert!(meets("UPDATE OR REPLACE lists SET id = 'a'"), "the rows that hang on a replaced row go too");
}

/// A text that the library compiled is not the application's to run, and facts that were forgotten are found again.
#[test]
fn a_cached_statement_has_its_facts() {
    let db = state();
    db.run("SAVEPOINT livestore_group", []).unwrap();
    assert!(db.select("SAVEPOINT livestore_group", &[], &mut |_| Ok(())).is_err());
    for n in 0..FACTS_MAX {
        db.select(&format!("SELECT {n} FROM lists"), &[], &mut |_| Ok(())).unwrap();
        db.select("SELECT id FROM items", &[], &mut |_| Ok(())).unwrap();
    }
    let reads = db.track(&mut || db.select("SELECT id FROM items", &[], &mut |_| Ok(())).unwrap());
    assert_eq!(reads.tables().collect::<Vec<_>>(), ["items"]);
}

/// As after a fault of the disk: a second error would hide the first, and blame the file.
#[test]
fn a_group_is_undone_where_sqlite_took_back_the_transaction_itself() {
    let db = state();
    db.run("BEGIN", []).unwrap();
    db.begin_group();
    db.act_as(Role::SyncedEvent);
    db.write("INSERT INTO lists VALUES('a')", &[], &mut |_| Ok(())).unwrap();
    db.run("ROLLBACK", []).unwrap();
    assert!(db.undo_group().is_ok());
}

#[test]
fn reads_are_tracked_through_the_cache() {
    let db = state();
    for _ in 0..2 {
        let reads = db.track(&mut || db.select("SELECT count(*) FROM items", &[], &mut |_| Ok(())).unwrap());
        assert_eq!(reads.tables().collect::<Vec<_>>(), ["items"]);
    }
}
