//! Every option of `#[table]` and `#[column]`, as SQLite sees it.

use livestore::{IntoWrites, Result, Store, Table, event, materializers, memory, schema, sql_query, table};

#[event("v1.ListAdded")]
pub struct ListAdded {
    pub id: String,
}

#[event("v1.EntryAdded")]
pub struct EntryAdded {
    pub list: String,
    pub rank: i64,
}

#[event("v1.ListRemoved")]
pub struct ListRemoved {
    pub id: String,
}

#[table("lists")]
pub struct List {
    #[column(primary_key, check = "length(id) > 0")]
    pub id: String,
}

#[table(
    "entries",
    primary_key(list, rank),
    index(rank, title),
    unique(title, list),
    index(rank),
    check = "rank >= 0",
    check = "rank < 1000"
)]
pub struct Entry {
    #[column(references = List.id, on_delete = cascade)]
    pub list: String,
    pub rank: i64,
    #[column(name = "entryTitle", index)]
    pub title: Option<String>,
    #[column(unique)]
    pub code: Option<i64>,
    #[column(references = Entry.code, on_delete = set_null)]
    pub other: Option<i64>,
}

#[table("views", client_only)]
pub struct View {
    #[column(primary_key)]
    pub id: i64,
}

#[schema(events(ListAdded, EntryAdded, ListRemoved), tables(List, Entry, View))]
pub struct App;

#[materializers]
impl App {
    fn list_added(ListAdded { id }: ListAdded) -> impl IntoWrites {
        List { id }.insert()
    }

    fn entry_added(EntryAdded { list, rank }: EntryAdded) -> impl IntoWrites {
        Entry { list, rank, title: None, code: None, other: None }.insert()
    }

    fn list_removed(ListRemoved { id }: ListRemoved) -> impl IntoWrites {
        List::delete().filter(|t| t.id.eq(id))
    }
}

#[test]
fn options_reach_the_database() -> Result<()> {
    let store = Store::<App>::open(memory(), "options")?;
    let sql: (String,) = store.query(&sql_query("SELECT sql FROM sqlite_schema WHERE name = 'entries'", ()).one())?;
    for part in [
        r#"PRIMARY KEY ("list", "rank")"#,
        r#""list" TEXT NOT NULL REFERENCES "lists" ("id") ON DELETE CASCADE"#,
        r#""entryTitle" TEXT"#,
        r#"REFERENCES "entries" ("code") ON DELETE SET NULL"#,
        "CHECK (rank >= 0)",
        "CHECK (rank < 1000)",
        "STRICT",
    ] {
        assert!(sql.0.contains(part), "{part} in {}", sql.0);
    }
    let indexes: Vec<(String,)> = store.query(&sql_query(
        "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entries' AND sql IS NOT NULL ORDER BY sql",
        (),
    ))?;
    assert_eq!(indexes.len(), 5, "{indexes:?}");
    Ok(())
}

#[test]
fn checks_and_foreign_keys_hold() -> Result<()> {
    let store = Store::<App>::open(memory(), "options")?;
    assert!(store.commit(ListAdded { id: String::new() }).is_err());
    assert!(store.commit(EntryAdded { list: "none".into(), rank: 1 }).is_err());
    store.commit((ListAdded { id: "a".into() }, EntryAdded { list: "a".into(), rank: 1 }))?;
    assert!(store.commit(EntryAdded { list: "a".into(), rank: 1_000 }).is_err());
    store.commit(ListRemoved { id: "a".into() })?;
    assert_eq!(store.query(&Entry::query().count())?, 0);
    Ok(())
}
