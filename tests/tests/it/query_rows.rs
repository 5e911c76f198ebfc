//! What queries give back, and that values are data whatever is in them.

use livestore::*;

#[event("v1.NoteAdded")]
struct NoteAdded {
    id: i64,
    text: String,
    tags: Vec<String>,
    folder: Option<i64>,
}

#[event("v1.FolderAdded")]
struct FolderAdded {
    id: i64,
    name: String,
}

#[table("notes")]
struct Note {
    #[column(primary_key)]
    id: i64,
    #[column(index)]
    text: String,
    #[column(name = "value")]
    tags: Json<Vec<String>>,
    folder: Option<i64>,
}

#[table("folders")]
struct Folder {
    #[column(primary_key)]
    id: i64,
    name: String,
}

#[schema(events(NoteAdded, FolderAdded), tables(Note, Folder))]
struct App;

#[materializers]
impl App {
    fn note_added(NoteAdded { id, text, tags, folder }: NoteAdded) -> impl IntoWrites {
        Note { id, text, tags: Json(tags), folder }.insert()
    }

    fn folder_added(FolderAdded { id, name }: FolderAdded) -> impl IntoWrites {
        Folder { id, name }.insert()
    }
}

fn note(id: i64, text: &str) -> NoteAdded {
    NoteAdded { id, text: text.into(), tags: Vec::new(), folder: None }
}

fn open() -> Store<App> {
    Store::open(memory(), "query-rows").unwrap()
}

/// Three notes in two folders, one in none.
fn filled() -> Store<App> {
    let store = open();
    let in_folder = |id, text: &str, folder| NoteAdded { folder, tags: vec![text.into()], ..note(id, text) };
    store.commit([in_folder(3, "c", Some(1)), in_folder(1, "a", Some(1)), in_folder(2, "b", Some(2))]).unwrap();
    store.commit(in_folder(4, "d", None)).unwrap();
    store.commit([FolderAdded { id: 1, name: "home".into() }, FolderAdded { id: 2, name: "work".into() }]).unwrap();
    store.commit(FolderAdded { id: 3, name: "empty".into() }).unwrap();
    store
}

const HOSTILE: &[&str] = &[
    "'; DROP TABLE notes; --",
    "\"quoted\" 'twice' `back`",
    "NUL \0 inside",
    "\u{1f980} and \u{202e}",
    "?1 :name @name $name",
    "",
    "%_\\",
    "line\nbreak\r\n\ttab",
];

#[test]
fn hostile_text_is_data() {
    let store = open();
    for (id, text) in (1..).zip(HOSTILE) {
        store.commit(NoteAdded { tags: vec![(*text).into()], ..note(id, text) }).unwrap();
    }
    for (id, text) in (1..).zip(HOSTILE) {
        let by = |query: Query<Note, Vec<Note>>| store.query(&query.select(|t| t.id)).unwrap();
        assert_eq!(by(Note::query().filter(|t| t.text.eq(*text))), [id], "{text:?}");
        assert_eq!(by(Note::query().filter(|t| t.text.is_in([*text]))), [id], "{text:?}");
        assert_eq!(by(Note::query().filter(|t| t.tags.contains(*text))), [id], "{text:?}");
        let raw = sql_query::<(i64, String)>("SELECT id, text FROM notes WHERE text = ?", [*text]);
        assert_eq!(store.query(&raw).unwrap(), [(id, (*text).to_owned())]);
    }
    assert_eq!(store.query(&Note::query().count()).unwrap(), HOSTILE.len() as i64);
}

#[test]
fn one_first_count_and_exists() {
    let store = filled();
    assert_eq!(store.query(&Note::query().select(|t| t.id).first()).unwrap(), Some(1));
    assert_eq!(store.query(&Note::query().filter(|t| t.id.gt(9)).first()).unwrap(), None);
    assert_eq!(store.query(&Note::query().filter(|t| t.id.eq(2)).one()).unwrap().text, "b");
    let none = store.query(&Note::query().filter(|t| t.id.gt(9)).one()).unwrap_err();
    assert!(matches!(none, QueryError::NotOne { found: "none", .. }), "{none}");
    let several = store.query(&Note::query().one()).unwrap_err();
    assert!(matches!(several, QueryError::NotOne { found: "more than one", .. }), "{several}");
    assert!(store.query(&Note::query().filter(|t| t.id.eq(2)).exists()).unwrap());
    assert!(!store.query(&Note::query().filter(|t| t.id.gt(9)).exists()).unwrap());
    assert_eq!(store.query(&Note::query().limit(3).count()).unwrap(), 3);
    assert_eq!(store.query(&Note::query().offset(3).count()).unwrap(), 1);
    assert_eq!(store.query(&Note::query().select(|t| t.id).offset(2)).unwrap(), [3, 4]);
    assert_eq!(store.query(&Note::query().select(|t| t.id).offset(1).limit(2)).unwrap(), [2, 3]);
    assert_eq!(store.query(&Note::query().limit(0)).unwrap(), []);
}

#[test]
fn null_is_found_when_it_is_asked_for() {
    let store = filled();
    let ids = |condition: Predicate<Note>| store.query(&Note::query().filter(|_| condition).select(|t| t.id)).unwrap();
    assert_eq!(ids(Note::COLUMNS.folder.eq(None::<i64>)), [4]);
    assert_eq!(ids(Note::COLUMNS.folder.is_in([None, Some(2)])), [2, 4]);
    assert_eq!(ids(Note::COLUMNS.folder.not_in([None, Some(2)])), [1, 3]);
    assert_eq!(ids(Note::COLUMNS.folder.not_in([2])), [1, 3]);
    assert_eq!(ids(Note::COLUMNS.folder.ne(1)), [2]);
}

#[test]
fn groups_and_aggregates() {
    let store = filled();
    let by_folder = Note::query()
        .group_by(|t| t.folder)
        .select(|t| (t.folder, count(), t.id.sum(), t.text.max()))
        .order_by(|t| t.folder.asc());
    assert_eq!(
        store.query(&by_folder).unwrap(),
        [
            (None, 1, Some(4), Some("d".to_owned())),
            (Some(1), 2, Some(4), Some("c".to_owned())),
            (Some(2), 1, Some(2), Some("b".to_owned())),
        ]
    );
    assert_eq!(store.query(&Note::query().aggregate(|t| t.id.avg())).unwrap(), Some(2.5));
    assert_eq!(store.query(&Note::query().filter(|t| t.id.gt(9)).aggregate(|t| t.id.sum())).unwrap(), None);
    let large = Note::query().group_by(|t| t.folder).having(|_| count().gt(1)).select(|t| t.folder);
    assert_eq!(store.query(&large).unwrap(), [Some(1)]);
    assert_eq!(store.query(&Note::query().select(|t| t.folder).distinct().count()).unwrap(), 3);
}

#[test]
fn joins_pair_rows_and_left_joins_keep_the_rest() {
    let store = filled();
    let pairs = Note::query().join(Folder::query(), |n, f| n.folder.eq(f.id.nullable()));
    let names = pairs.clone().order_by(|n, _| n.id.asc()).select(|n, f| (n.text, f.name));
    let named =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    assert_eq!(store.query(&names).unwrap(), named(&[("a", "home"), ("b", "work"), ("c", "home")]));
    let (note, folder) = store.query(&pairs.first()).unwrap().unwrap();
    assert_eq!((note.id, folder.name.as_str()), (1, "home"));
    let left = Note::query().left_join(Folder::query(), |n, f| n.folder.eq(f.id.nullable()));
    let rows = store.query(&left.order_by(|n, _| n.id.desc())).unwrap();
    let folders: Vec<_> = rows.iter().map(|(note, folder)| (note.id, folder.as_ref().map(|it| it.id))).collect();
    assert_eq!(folders, [(4, None), (3, Some(1)), (2, Some(2)), (1, Some(1))]);
    let empty = Folder::query()
        .left_join(Note::query(), |f, n| n.folder.eq(f.id.nullable()))
        .group_by(|f, _| f.id)
        .having(|_, n| n.id.count().eq(0))
        .select(|f, _| f.name);
    assert_eq!(store.query(&empty).unwrap(), ["empty"]);
}

#[derive(Debug, PartialEq, FromRow)]
struct Counted {
    #[column(name = "folder name")]
    name: String,
    notes: i64,
}

#[test]
fn raw_rows_are_read_by_position_or_name() {
    let store = filled();
    let sql = "SELECT count(*) AS notes, name AS \"folder name\" FROM folders JOIN notes ON folder = folders.id \
               GROUP BY name ORDER BY name";
    let counted = store.query(&sql_query::<Counted>(sql, ())).unwrap();
    assert_eq!(counted[0], Counted { name: "home".into(), notes: 2 });
    assert_eq!(store.query(&sql_query::<(i64, String)>(sql, ()).first()).unwrap(), Some((2, "home".into())));
    let one = sql_query::<(Option<i64>,)>("SELECT folder FROM notes WHERE id = ? AND text = ?", (4, "d")).one();
    assert_eq!(store.query(&one).unwrap(), (None,));
    let mixed = vec![SqlValue::Integer(4), SqlValue::Text("d".into())];
    let given = sql_query::<(i64,)>("SELECT id FROM notes WHERE id = ? AND text = ?", mixed);
    assert_eq!(store.query(&given).unwrap(), [(4,)]);
}

#[track_caller]
fn check_error<R: FromRow>(store: &Store<App>, sql: &str, params: impl Params, expected: &str) {
    let message = match store.query(&sql_query::<R>(sql, params)) {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(message.contains(expected), "{sql}: {message}");
}

#[test]
fn raw_rows_that_do_not_fit_are_named() {
    let store = filled();
    check_error::<(String,)>(&store, "SELECT id FROM notes", (), "column `id`: expected text, found integer 1");
    check_error::<(i64,)>(
        &store,
        "SELECT folder FROM notes WHERE id = 4",
        (),
        "column `folder`: expected an integer, found NULL",
    );
    check_error::<(i64, i64)>(&store, "SELECT id FROM notes", (), "column `2`: the statement returns fewer columns");
    check_error::<Counted>(
        &store,
        "SELECT 1 AS notes",
        (),
        "column `folder name`: the statement has no column of this name",
    );
    check_error::<(u8,)>(
        &store,
        "SELECT 256 AS n",
        (),
        "column `n`: expected an integer that fits u8, found integer 256",
    );
    check_error::<(i64,)>(
        &store,
        "SELECT id FROM notes WHERE id = ?",
        (),
        "the statement has 1 marks for values, 0 values were given: `SELECT id",
    );
    check_error::<(i64,)>(&store, "SELECT id FROM nots", (), "no such table: nots");
    check_error::<(i64,)>(&store, "SELECT 1 +", (), "incomplete input");
    check_error::<(f64,)>(&store, "SELECT ?", (f64::NAN,), "NaN cannot be stored");
}

#[test]
fn queries_neither_write_nor_leave_their_statement() {
    let store = filled();
    let before = store.query(&Note::query()).unwrap();
    for (sql, expected) in [
        ("DELETE FROM notes", "does not run statements that write: `DELETE FROM notes`"),
        ("UPDATE notes SET text = 'x' RETURNING id", "does not run statements that write"),
        ("INSERT INTO notes SELECT * FROM notes", "does not run statements that write"),
        ("WITH x AS (SELECT 1) DELETE FROM notes", "does not run statements that write"),
        ("SELECT 1; DELETE FROM notes", "more than one statement"),
        ("SELECT 1; SELECT 2", "more than one statement"),
        ("PRAGMA foreign_keys = OFF", "PRAGMA is not allowed here: `PRAGMA foreign_keys = OFF`"),
        ("SELECT * FROM pragma_table_info('notes')", "PRAGMA is not allowed here"),
        ("ATTACH ':memory:' AS other", "ATTACH or DETACH is not allowed"),
        ("DETACH main", "ATTACH or DETACH is not allowed"),
        ("BEGIN", "a transaction statement is not allowed"),
        ("COMMIT", "a transaction statement is not allowed"),
        ("END", "a transaction statement is not allowed"),
        ("ROLLBACK", "a transaction statement is not allowed"),
        ("SAVEPOINT s", "a savepoint statement is not allowed"),
        ("RELEASE livestore_base", "a savepoint statement is not allowed"),
        ("ROLLBACK TO livestore_base", "a savepoint statement is not allowed"),
        ("CREATE TABLE t(a)", "DDL is not allowed"),
        ("CREATE TEMP VIEW v AS SELECT 1", "DDL is not allowed"),
        ("DROP TABLE notes", "DDL is not allowed"),
        ("ALTER TABLE notes ADD COLUMN x", "DDL is not allowed"),
        ("REINDEX", "DDL is not allowed"),
        ("ANALYZE", "DDL is not allowed"),
        ("VACUUM INTO 'copy.db'", "a text that neither reads nor writes"),
        ("SELECT load_extension('x')", "not allowed"),
        ("", "a text that neither reads nor writes is not allowed"),
        ("-- only a comment", "a text that neither reads nor writes is not allowed"),
    ] {
        check_error::<(i64,)>(&store, sql, (), expected);
    }
    assert_eq!(store.query(&Note::query()).unwrap(), before);
    store.commit(note(9, "the store goes on")).unwrap();
    assert_eq!(store.query(&Note::query().count()).unwrap(), 5);
}
