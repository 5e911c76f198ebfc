//! What a statement of a materializer may not do.

use livestore::*;

#[event("v1.Run")]
struct Run {
    sql: String,
}

#[event("v1.Read")]
struct Read {
    sql: String,
}

#[event("LocalRun", client_only)]
struct LocalRun {
    sql: String,
}

#[event("LocalRead", client_only)]
struct LocalRead {
    sql: String,
}

#[table("items")]
struct Item {
    #[column(primary_key)]
    id: String,
    #[column(index, default = 0)]
    n: i64,
}

#[table("drafts", client_only)]
struct Draft {
    #[column(primary_key)]
    id: String,
}

#[client_document("ui", id = "main")]
#[derive(Default)]
struct Ui {
    open: bool,
}

/// A row of which nothing is read.
struct Anything;

impl FromRow for Anything {
    fn from_row(_: &Row<'_>) -> Result<Self, QueryError> {
        Ok(Self)
    }
}

#[schema(events(Run, Read, LocalRun, LocalRead), tables(Item, Draft), documents(Ui))]
struct App;

#[materializers]
impl App {
    fn run(Run { sql }: Run) -> impl IntoWrites {
        sql_write(sql, ())
    }

    fn read(Read { sql }: Read, cx: &MaterializeCx<'_>) -> Result<(), QueryError> {
        cx.query(sql_query::<Anything>(sql, ())).map(drop)
    }

    fn local_run(LocalRun { sql }: LocalRun) -> impl IntoWrites {
        sql_write(sql, ())
    }

    fn local_read(LocalRead { sql }: LocalRead, cx: &MaterializeCx<'_>) -> Result<(), QueryError> {
        cx.query(sql_query::<Anything>(sql, ())).map(drop)
    }
}

fn open() -> Store<App> {
    let store = Store::open(memory(), "schema-guard").unwrap();
    store.commit(Run { sql: "INSERT INTO items(id) VALUES('a')".into() }).unwrap();
    store
}

#[track_caller]
fn check_allowed(commit: Result<Receipt, CommitError>) {
    assert!(commit.is_ok(), "{}", commit.unwrap_err());
}

/// Refused with these words, nothing changed, and the store goes on.
#[track_caller]
fn check_refused(event: impl Commit<App>, expected: &str) {
    let store = open();
    let error = store.commit(event).unwrap_err();
    assert!(matches!(error, CommitError::Materialize { .. }), "{error:?}");
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(store.query(&Item::query()).unwrap(), [Item { id: "a".into(), n: 0 }]);
    assert_eq!(store.query(&Draft::query().count()).unwrap(), 0);
    assert!(store.query(&Ui::get()).unwrap() == Ui::default());
    check_allowed(store.commit(Run { sql: "UPDATE items SET n = 1".into() }));
}

#[test]
fn what_would_end_the_step_or_change_the_database_is_refused() {
    for (sql, expected) in [
        ("BEGIN", "a transaction statement is not allowed"),
        ("COMMIT", "a transaction statement is not allowed"),
        ("ROLLBACK", "a transaction statement is not allowed"),
        ("SAVEPOINT s", "a savepoint statement is not allowed"),
        ("RELEASE livestore_group", "a savepoint statement is not allowed"),
        ("ROLLBACK TO livestore_base", "a savepoint statement is not allowed"),
        ("PRAGMA foreign_keys = OFF", "PRAGMA is not allowed"),
        ("PRAGMA defer_foreign_keys = ON", "PRAGMA is not allowed"),
        ("ATTACH ':memory:' AS other", "ATTACH or DETACH is not allowed"),
        ("DETACH main", "ATTACH or DETACH is not allowed"),
        ("CREATE TABLE t(a)", "DDL is not allowed"),
        ("CREATE TEMP TABLE items(id)", "DDL is not allowed"),
        ("CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items; END", "DDL is not allowed"),
        ("CREATE VIRTUAL TABLE t USING fts5(a)", "DDL is not allowed"),
        ("DROP TABLE items", "DDL is not allowed"),
        ("ALTER TABLE items RENAME TO things", "DDL is not allowed"),
        ("REINDEX items", "DDL is not allowed"),
        ("ANALYZE", "DDL is not allowed"),
        ("VACUUM", "a text that neither reads nor writes"),
        ("DELETE FROM sqlite_schema", "table sqlite_master may not be modified"),
        ("DELETE FROM livestore_position", "writing the library's own table `livestore_position`"),
        ("INSERT OR ROLLBACK INTO items(id) VALUES('a')", "OR ROLLBACK is not allowed"),
        ("UPDATE or/**/rollback items SET id = 'b'", "OR ROLLBACK is not allowed"),
        ("DELETE FROM items; DELETE FROM items", "more than one statement"),
        ("SELECT 1", "a write that writes nothing is not allowed"),
        ("", "a text that neither reads nor writes"),
    ] {
        check_refused(Run { sql: sql.into() }, expected);
    }
}

/// The same event must write the same on every client, at every time.
#[test]
fn functions_that_are_not_deterministic_are_refused() {
    for call in [
        "random()",
        "abs(RANDOM() % 5)",
        "hex(randomblob(4))",
        "date()",
        "date('now')",
        "datetime('now', '+1 day')",
        "time('now')",
        "julianday('now')",
        "unixepoch()",
        "strftime('%s', 'now')",
        "timediff('now', '2024-01-01')",
        "CURRENT_TIMESTAMP",
        "current_date",
        "current_time",
        "changes()",
        "total_changes()",
        "last_insert_rowid()",
        "sqlite_version()",
        "sqlite_source_id()",
    ] {
        let sql = format!("INSERT INTO items(id) SELECT coalesce({call}, 'x')");
        check_refused(Run { sql }, "which is not deterministic, is not allowed here");
        check_refused(LocalRead { sql: format!("SELECT {call}") }, "which is not deterministic, is not allowed here");
    }
    check_refused(Read { sql: "SELECT id FROM items ORDER BY random()".into() }, "the function `random`");
    check_refused(Run { sql: "UPDATE items SET n = 1 WHERE n < (SELECT random())".into() }, "the function `random`");
    check_refused(Run { sql: "DELETE FROM items RETURNING random()".into() }, "the function `random`");
}

#[test]
fn synced_events_do_not_touch_client_only_tables() {
    check_refused(
        Run { sql: "INSERT INTO drafts VALUES('a')".into() },
        "writing the client-only table `drafts` in a synced event",
    );
    check_refused(Run { sql: "DELETE FROM ui".into() }, "writing the client-only table `ui` in a synced event");
    let reading = "reading the client-only table `drafts` in a synced event";
    check_refused(Read { sql: "SELECT id FROM drafts".into() }, reading);
    check_refused(Read { sql: "SELECT count(*) FROM drafts".into() }, reading);
    check_refused(Run { sql: "INSERT INTO items(id) SELECT id FROM drafts".into() }, reading);
    check_refused(Run { sql: "DELETE FROM items WHERE EXISTS (SELECT 1 FROM drafts)".into() }, reading);
    check_refused(Read { sql: "WITH d AS (SELECT * FROM drafts) SELECT count(*) FROM d".into() }, reading);
}

#[test]
fn client_only_events_write_client_only_tables_and_read_all() {
    let refused = "writing the synced table `items` in a client-only event";
    check_refused(LocalRun { sql: "UPDATE items SET n = 5".into() }, refused);
    check_refused(LocalRun { sql: "INSERT INTO items(id) VALUES('b')".into() }, refused);
    check_refused(LocalRun { sql: "DELETE FROM items WHERE 0".into() }, refused);
    let store = open();
    check_allowed(store.commit(LocalRun { sql: "INSERT INTO drafts SELECT id FROM items".into() }));
    check_allowed(store.commit(LocalRead { sql: "SELECT * FROM items JOIN drafts USING (id)".into() }));
    assert_eq!(store.query(&Draft::query().count()).unwrap(), 1);
}

#[test]
fn internal_tables_are_not_read() {
    for table in ["sqlite_schema", "livestore_position", "livestore_quarantine"] {
        check_refused(LocalRead { sql: format!("SELECT count(*) FROM {table}") }, "is not allowed here");
    }
    check_refused(Read { sql: "SELECT * FROM pragma_table_list".into() }, "is not allowed here");
}

/// Words in strings, names and comments are no statement.
#[test]
fn harmless_statements_pass() {
    let store = open();
    for sql in [
        "INSERT INTO items(id) VALUES('or rollback')",
        "UPDATE items SET n = 1 /* OR ROLLBACK */ WHERE id = 'random()'",
        "INSERT OR IGNORE INTO items(id) VALUES('a')",
        "REPLACE INTO items(id, n) VALUES('a', 7)",
        "INSERT INTO items(id) SELECT value FROM json_each('[\"x\", \"y\"]')",
        "WITH RECURSIVE c(x) AS (SELECT 10 UNION ALL SELECT x + 1 FROM c WHERE x < 12) INSERT INTO items(id) SELECT x FROM c",
        "DELETE FROM items WHERE n > 5 RETURNING id",
    ] {
        check_allowed(store.commit(Run { sql: sql.into() }));
    }
    assert_eq!(
        store.query(&Item::query().select(|t| t.id).limit(9)).unwrap(),
        ["10", "11", "12", "or rollback", "x", "y"]
    );
}

#[test]
fn a_violated_constraint_is_told_by_its_sort() {
    let store = Store::<App>::open(memory(), "constraints").unwrap();
    for (sql, kind) in [
        ("INSERT INTO items(id, n) VALUES('a', NULL)", Some(ConstraintKind::NotNull)),
        ("INSERT INTO items(id, n) VALUES('a', 'no number')", Some(ConstraintKind::Other)),
        ("INSERT INTO nothing VALUES(1)", None),
    ] {
        let error = store.commit(Run { sql: sql.into() }).unwrap_err();
        assert_eq!(error.constraint(), kind, "{error}");
    }
}
