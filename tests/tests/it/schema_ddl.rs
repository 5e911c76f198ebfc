//! The tables that a schema makes, as SQL text, and what they hold to.

use livestore::*;

#[derive(Clone, Copy, Debug, PartialEq, ColumnValue)]
enum Status {
    Open,
    Done,
}

#[table("lists", check = "length(name) + rank < 100")]
struct List {
    #[column(primary_key)]
    id: i64,
    #[column(unique)]
    name: String,
    #[column(default = -5, index, check = "rank > -10")]
    rank: i64,
}

#[table("order", unique(list, position), index(text))]
struct Item {
    #[column(primary_key)]
    id: String,
    #[column(references = List.id, on_delete = cascade)]
    list: i64,
    #[column(references = List.name, on_delete = set_null)]
    list_name: Option<String>,
    #[column(name = "group")]
    position: i64,
    #[column(default = "it's \"here\"")]
    text: String,
    #[column(default = "a\0b")]
    with_nul: String,
    #[column(default = true)]
    open: bool,
    #[column(default = 1.5)]
    weight: f64,
    #[column(default = b"\x00\xff")]
    bytes: Vec<u8>,
    #[column(default = Status::Done)]
    status: Status,
    #[column(default = "[]")]
    tags: Json<Vec<String>>,
    #[column(default = 7)]
    time: Timestamp,
    note: Option<String>,
}

#[table("cells", primary_key(row, column))]
struct Cell {
    column: String,
    row: i64,
    #[column(references = Item.id)]
    item: Option<String>,
}

#[table("drafts", client_only)]
struct Draft {
    #[column(primary_key)]
    id: bool,
}

#[client_document("ui state")]
#[derive(Default)]
struct Ui {
    open: bool,
}

#[event("v1.Do")]
struct Do {
    what: What,
}

/// The writes that the tests need.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum What {
    List { id: i64, name: String, rank: i64 },
    Item { id: String, list: i64, position: i64 },
    Named { id: String, list: i64, list_name: String },
    Cell { row: i64, column: String, item: Option<String> },
    DeleteList { id: i64 },
    DeleteItem { id: String },
}

#[schema(events(Do), tables(List, Item, Cell, Draft), documents(Ui))]
struct App;

#[materializers]
impl App {
    fn done(Do { what }: Do) -> impl IntoWrites {
        let mut writes = Writes::default();
        let written = match what {
            What::List { id, name, rank } => List { id, name, rank }.insert().into_writes(&mut writes),
            What::Item { id, list, position } => {
                Item::insert_with(|t| (t.id.to(id), t.list.to(list), t.position.to(position))).into_writes(&mut writes)
            }
            What::Named { id, list, list_name } => {
                Item::insert_with(|t| (t.id.to(id), t.list.to(list), t.position.to(0), t.list_name.to(list_name)))
                    .into_writes(&mut writes)
            }
            What::Cell { row, column, item } => Cell { row, column, item }.insert().into_writes(&mut writes),
            What::DeleteList { id } => List::delete().filter(|t| t.id.eq(id)).into_writes(&mut writes),
            What::DeleteItem { id } => Item::delete().filter(|t| t.id.eq(id)).into_writes(&mut writes),
        };
        written.map(|()| writes)
    }
}

fn open() -> Store<App> {
    Store::open(memory(), "schema-ddl").unwrap()
}

/// Commits the writes as one group.
fn run<const N: usize>(store: &Store<App>, writes: [What; N]) -> Result<(), CommitError> {
    store.commit(writes.map(|what| Do { what })).map(drop)
}

fn list(id: i64, name: &str) -> What {
    What::List { id, name: name.into(), rank: 0 }
}

fn item(id: &str, list: i64, position: i64) -> What {
    What::Item { id: id.into(), list, position }
}

#[test]
fn tables_are_strict_and_without_a_hidden_key() {
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'livestore%' ORDER BY rowid";
    let tables: Vec<String> =
        open().query(&sql_query::<(String,)>(sql, ())).unwrap().into_iter().map(|row| row.0).collect();
    let expected = [
        r#"CREATE TABLE "lists" ("id" INTEGER NOT NULL, "name" TEXT NOT NULL, "rank" INTEGER NOT NULL DEFAULT -5 CHECK (rank > -10), PRIMARY KEY ("id"), CHECK (length(name) + rank < 100)) STRICT"#,
        r#"CREATE TABLE "order" ("id" TEXT NOT NULL, "list" INTEGER NOT NULL REFERENCES "lists" ("id") ON DELETE CASCADE, "list_name" TEXT REFERENCES "lists" ("name") ON DELETE SET NULL, "group" INTEGER NOT NULL, "text" TEXT NOT NULL DEFAULT 'it''s "here"', "with_nul" TEXT NOT NULL DEFAULT (CAST(x'610062' AS TEXT)), "open" INTEGER NOT NULL DEFAULT 1, "weight" REAL NOT NULL DEFAULT 1.5, "bytes" BLOB NOT NULL DEFAULT x'00ff', "status" TEXT NOT NULL DEFAULT 'done', "tags" TEXT NOT NULL DEFAULT '[]', "time" INTEGER NOT NULL DEFAULT 7, "note" TEXT, PRIMARY KEY ("id")) STRICT, WITHOUT ROWID"#,
        r#"CREATE TABLE "cells" ("column" TEXT NOT NULL, "row" INTEGER NOT NULL, "item" TEXT REFERENCES "order" ("id") ON DELETE RESTRICT, PRIMARY KEY ("row", "column")) STRICT, WITHOUT ROWID"#,
        r#"CREATE TABLE "drafts" ("id" INTEGER NOT NULL, PRIMARY KEY ("id")) STRICT"#,
        r#"CREATE TABLE "ui state" ("id" TEXT NOT NULL, "value" TEXT NOT NULL, PRIMARY KEY ("id")) STRICT, WITHOUT ROWID"#,
    ];
    assert_eq!(tables, expected);
}

#[test]
fn indexes_are_named_for_what_they_index() {
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid";
    let indexes: Vec<String> =
        open().query(&sql_query::<(String,)>(sql, ())).unwrap().into_iter().map(|row| row.0).collect();
    let expected = [
        r#"CREATE UNIQUE INDEX "livestore unique lists (name)" ON "lists" ("name")"#,
        r#"CREATE INDEX "livestore index lists (rank)" ON "lists" ("rank")"#,
        r#"CREATE UNIQUE INDEX "livestore unique order (list, group)" ON "order" ("list", "group")"#,
        r#"CREATE INDEX "livestore index order (text)" ON "order" ("text")"#,
    ];
    assert_eq!(indexes, expected);
}

#[test]
fn a_partial_insert_takes_the_defaults() {
    let store = open();
    run(&store, [list(1, "home"), item("a", 1, 3)]).unwrap();
    let expected = Item {
        id: "a".into(),
        list: 1,
        list_name: None,
        position: 3,
        text: "it's \"here\"".into(),
        with_nul: "a\0b".into(),
        open: true,
        weight: 1.5,
        bytes: vec![0, 0xff],
        status: Status::Done,
        tags: Json(Vec::new()),
        time: Timestamp(7),
        note: None,
    };
    assert_eq!(store.query(&Item::query().one()).unwrap(), expected);
}

#[track_caller]
fn check_constraint(store: &Store<App>, write: What, kind: ConstraintKind, expected: &str) {
    let error = run(store, [write]).unwrap_err();
    let CommitError::Materialize { event, source } = &error else { panic!("{error:?}") };
    assert_eq!(event, "v1.Do");
    let constraint = source.downcast_ref::<QueryError>();
    assert!(matches!(constraint, Some(QueryError::Constraint { .. })), "{source:?}");
    assert_eq!(error.constraint(), Some(kind), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn constraints_hold_at_each_statement() {
    use ConstraintKind::{Check, ForeignKey, PrimaryKey, Unique};
    let store = open();
    run(&store, [list(1, "home"), item("a", 1, 0)]).unwrap();
    let before = (store.query(&List::query()).unwrap(), store.query(&Item::query()).unwrap());
    check_constraint(&store, list(1, "other"), PrimaryKey, "UNIQUE constraint failed: lists.id");
    check_constraint(&store, list(2, "home"), Unique, "UNIQUE constraint failed: lists.name");
    check_constraint(&store, item("b", 1, 0), Unique, "UNIQUE constraint failed: order.list, order.group");
    check_constraint(&store, item("b", 9, 0), ForeignKey, "FOREIGN KEY constraint failed");
    check_constraint(
        &store,
        What::List { id: 2, name: "x".into(), rank: -10 },
        Check,
        "CHECK constraint failed: rank > -10",
    );
    check_constraint(
        &store,
        What::List { id: 2, name: "x".into(), rank: 99 },
        Check,
        "CHECK constraint failed: length(name) + rank < 100",
    );
    let cell = |item: &str| What::Cell { row: 1, column: "x".into(), item: Some(item.into()) };
    check_constraint(&store, cell("none"), ForeignKey, "FOREIGN KEY constraint failed");
    run(&store, [cell("a")]).unwrap();
    check_constraint(&store, cell("a"), PrimaryKey, "UNIQUE constraint failed: cells.row, cells.column");
    check_constraint(&store, What::DeleteItem { id: "a".into() }, ForeignKey, "FOREIGN KEY constraint failed");
    check_constraint(&store, What::DeleteList { id: 1 }, ForeignKey, "FOREIGN KEY constraint failed");
    assert_eq!((store.query(&List::query()).unwrap(), store.query(&Item::query()).unwrap()), before);
}

#[test]
fn deletes_cascade_or_set_null() {
    let store = open();
    run(&store, [list(1, "home"), list(2, "work"), item("a", 1, 0), item("b", 2, 0)]).unwrap();
    let named = || What::Named { id: "c".into(), list: 2, list_name: "home".into() };
    run(&store, [named()]).unwrap_err(); // Place 0 in list 2 is taken.
    run(&store, [What::DeleteItem { id: "b".into() }, named()]).unwrap();
    let names = Item::query().select(|t| (t.id, t.list_name));
    let rows = |pairs: &[(&str, Option<&str>)]| -> Vec<(String, Option<String>)> {
        pairs.iter().map(|(id, name)| ((*id).into(), name.map(Into::into))).collect()
    };
    assert_eq!(store.query(&names).unwrap(), rows(&[("a", None), ("c", Some("home"))]));
    run(&store, [What::DeleteList { id: 1 }]).unwrap();
    assert_eq!(store.query(&names).unwrap(), rows(&[("c", None)]));
}

#[test]
fn a_composite_key_orders_by_its_own_order() {
    let store = open();
    let cell = |row, column: &str| What::Cell { row, column: column.into(), item: None };
    run(&store, [cell(2, "a"), cell(1, "b"), cell(1, "a")]).unwrap();
    let keys = store.query(&Cell::query().select(|t| (t.row, t.column)).limit(9)).unwrap();
    assert_eq!(keys, [(1, "a".to_owned()), (1, "b".to_owned()), (2, "a".to_owned())]);
}

#[table("bad", check = "nonsense(")]
struct Bad {
    #[column(primary_key)]
    id: i64,
}

#[schema(tables(Bad))]
struct BadCheck;

#[table("clock", check = "at < random()")]
struct Clock {
    #[column(primary_key)]
    at: i64,
}

#[schema(tables(Clock))]
struct BadFunction;

#[test]
fn a_check_that_is_no_sql_is_the_schemas_fault() {
    for (opened, schema, table) in [
        (Store::<BadCheck>::open(memory(), "s").map(drop), "BadCheck", "bad"),
        (Store::<BadFunction>::open(memory(), "s").map(drop), "BadFunction", "clock"),
    ] {
        let error = opened.unwrap_err();
        assert!(matches!(error, OpenError::Schema(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("schema `{schema}`")) && text.contains(table), "{text}");
    }
}
