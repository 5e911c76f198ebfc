//! Live queries: what runs again, how often, and who is told.

use livestore::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[event("v1.Wrote")]
struct Wrote {
    sql: String,
}

#[table("lists")]
struct List {
    #[column(primary_key)]
    id: i64,
    name: String,
}

#[table("items", unique(rank))]
struct Item {
    #[column(primary_key)]
    id: i64,
    text: String,
    done: bool,
    rank: Option<i64>,
    #[column(references = List.id, on_delete = cascade)]
    list: Option<i64>,
}

#[client_document("filter", id = "main")]
#[derive(Default)]
struct Filter {
    done: bool,
    text: String,
}

#[schema(events(Wrote), tables(List, Item), documents(Filter))]
struct App;

#[materializers]
impl App {
    fn wrote(Wrote { sql }: Wrote) -> impl IntoWrites {
        sql_write(sql, ())
    }
}

/// A list with three items.
fn open() -> Store<App> {
    let store = Store::open(memory(), "live-queries").unwrap();
    write(&store, "INSERT INTO lists VALUES(1, 'home')");
    write(&store, "INSERT INTO items VALUES(1, 'a', 0, 1, 1), (2, 'b', 0, 2, NULL), (3, 'c', 1, 3, 1)");
    store
}

fn write(store: &Store<App>, sql: &str) {
    store.commit(Wrote { sql: sql.into() }).unwrap();
}

/// Everything that a subscriber was told.
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Send + 'static> Log<T> {
    fn watch<Q: Observable>(
        store: &Store<App>,
        query: &Q,
        read: impl Fn(&Q::Output) -> T + Send + 'static,
    ) -> (Self, Subscription) {
        let log = Self(Arc::default());
        let told = Arc::clone(&log.0);
        let subscription = store.subscribe(query, move |value| told.lock().unwrap().push(read(value))).unwrap();
        (log, subscription)
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// How often the live query with this label ran.
fn runs(store: &Store<App>, label: &str) -> u64 {
    store.live_stats().unwrap().iter().filter(|stats| stats.label == label).map(|stats| stats.runs).sum()
}

#[test]
fn a_subscriber_is_told_of_each_change_once() {
    let store = open();
    let open_items = Item::query().filter(|t| t.done.eq(false)).select(|t| t.id);
    let (log, subscription) = Log::watch(&store, &open_items, Clone::clone);
    assert_eq!(log.take(), [vec![1, 2]]);
    write(&store, "UPDATE items SET done = 1 WHERE id = 1");
    assert_eq!(log.take(), [vec![2]]);
    write(&store, "UPDATE items SET done = 1 WHERE id = 1"); // Ran again, with an equal result.
    write(&store, "UPDATE lists SET name = 'x'"); // Not met.
    assert_eq!(log.take(), Vec::<Vec<i64>>::new());
    drop(subscription);
    write(&store, "UPDATE items SET done = 0");
    assert_eq!(log.take(), Vec::<Vec<i64>>::new());
}

#[test]
fn a_commit_of_several_events_is_one_change() {
    let store = open();
    let both = query_db_with(|cx| {
        let lists = cx.get(&List::query().count())?;
        Ok(sql_query::<(i64, i64)>("SELECT ?, count(*) FROM items", (lists,)).one())
    })
    .label("both");
    let (log, _subscription) = Log::watch(&store, &both, |value| **value);
    let sql = |sql: &str| Wrote { sql: sql.into() };
    store
        .commit([
            sql("INSERT INTO lists VALUES(2, 'x')"),
            sql("INSERT INTO items VALUES(4, 'd', 0, NULL, 2)"),
            sql("INSERT INTO items VALUES(5, 'e', 0, NULL, 2)"),
        ])
        .unwrap();
    assert_eq!(log.take(), [(1, 3), (2, 5)]);
    assert_eq!(runs(&store, "both"), 2);
    store.commit([sql("INSERT INTO lists VALUES(3, 'y')"), sql("not sql")]).unwrap_err();
    assert_eq!(log.take(), []);
    assert_eq!(runs(&store, "both"), 2);
}

/// Two ways from one source to one sink: the sink never sees one new and one old value, and runs once.
#[test]
fn a_diamond_has_no_glitch() {
    let store = open();
    let count = query_db(Item::query().count());
    let source = count.clone();
    let double = computed(move |cx| Ok(*cx.get(&source)? * 2));
    let triple = computed(move |cx| Ok(*cx.get(&count)? * 3));
    let sum = computed(move |cx| Ok((*cx.get(&double)?, *cx.get(&triple)?))).label("sum");
    let (log, _subscription) = Log::watch(&store, &sum, |value| **value);
    write(&store, "DELETE FROM items WHERE id = 3");
    write(&store, "DELETE FROM items");
    assert_eq!(log.take(), [(6, 9), (4, 6), (0, 0)]);
    assert_eq!(runs(&store, "sum"), 3);
}

#[test]
fn an_equal_result_stops_there() {
    let store = open();
    let parity = computed(|cx| Ok(cx.get(&Item::query().count())? % 2)).label("parity");
    let text = computed(move |cx| Ok(if *cx.get(&parity)? == 0 { "even" } else { "odd" })).label("text");
    let (log, _subscription) = Log::watch(&store, &text, |value| **value);
    write(&store, "INSERT INTO items VALUES(4, 'd', 0, NULL, NULL), (5, 'e', 0, NULL, NULL)");
    assert_eq!((log.take(), runs(&store, "parity"), runs(&store, "text")), (vec!["odd"], 2, 1));
    write(&store, "DELETE FROM items WHERE id = 5");
    assert_eq!((log.take(), runs(&store, "parity"), runs(&store, "text")), (vec!["even"], 3, 2));
}

#[test]
fn equal_builder_queries_run_once_for_all() {
    let store = open();
    let query = |n: i64| Item::query().filter(move |t| t.id.lt(n)).select(|t| t.text);
    let label = query_label(&query(9));
    let (first, _a) = Log::watch(&store, &query(9), Vec::len);
    let (second, _b) = Log::watch(&store, &query_db(query(9)), |texts| texts.len());
    let (other, _c) = Log::watch(&store, &query(2), Vec::len);
    assert!(query_db(query(9)) == query_db(query(9)) && query_db(query(9)) != query_db(query(2)));
    write(&store, "DELETE FROM items WHERE id = 3");
    assert_eq!((first.take(), second.take(), other.take()), (vec![3, 2], vec![3, 2], vec![1]));
    let stats: Vec<_> = store.live_stats().unwrap().into_iter().filter(|stats| stats.label == label).collect();
    let mut stats: Vec<_> = stats.iter().map(|stats| (stats.runs, stats.subscribers)).collect();
    stats.sort_unstable();
    assert_eq!(stats, [(2, 1), (2, 2)]);
    let shared = (store.query(&query_db(query(9))).unwrap(), store.query(&query_db(query(9))).unwrap());
    assert!(Arc::ptr_eq(&shared.0, &shared.1));
}

fn query_label(query: &impl Select) -> String {
    query.to_sql().unwrap().text
}

#[test]
fn closures_are_shared_by_clone_or_key() {
    let store = open();
    let ran = Arc::new(AtomicUsize::new(0));
    let make = |n: i64| {
        let ran = Arc::clone(&ran);
        query_db_with(move |_| {
            ran.fetch_add(1, Ordering::Relaxed);
            Ok(Item::query().filter(|t| t.id.lt(n)).count())
        })
    };
    assert!(make(9) != make(9) && make(9).keyed(9) == make(9).keyed(9) && make(9).keyed(9) != make(9).keyed(8));
    let plain = make(9);
    for _ in 0..3 {
        assert_eq!(*store.query(&plain.clone()).unwrap(), 3);
    }
    assert_eq!(ran.swap(0, Ordering::Relaxed), 1);
    for n in [9, 9, 2, 9] {
        assert_eq!(*store.query(&make(n).keyed(("items below", n))).unwrap(), (n - 1).min(3));
    }
    assert_eq!(ran.swap(0, Ordering::Relaxed), 2);
    // The same key for another type is another live query.
    let text = computed(|_| Ok(String::from("x"))).keyed(("items below", 9_i64));
    assert_eq!(*store.query(&text).unwrap(), "x");
}

#[test]
fn what_a_closure_reads_is_noted_at_each_run() {
    let store = open();
    let (use_count, limit) = (signal(true), signal(10_i64));
    let query = {
        let (use_count, limit) = (use_count.clone(), limit.clone());
        computed(
            move |cx| {
                if *cx.get(&use_count)? { Ok(cx.get(&Item::query().count())?) } else { Ok(*cx.get(&limit)?) }
            },
        )
        .label("either")
    };
    let (log, _subscription) = Log::watch(&store, &query, |value| **value);
    store.set_signal(&limit, 11).unwrap();
    assert_eq!(runs(&store, "either"), 1);
    write(&store, "DELETE FROM items WHERE id = 3");
    store.set_signal(&use_count, false).unwrap();
    assert_eq!(runs(&store, "either"), 3);
    write(&store, "DELETE FROM items WHERE id = 2");
    assert_eq!(runs(&store, "either"), 3);
    store.set_signal(&limit, 12).unwrap();
    store.set_signal(&limit, 12).unwrap();
    store.set_signal(&use_count, true).unwrap();
    assert_eq!(log.take(), [3, 2, 11, 12, 1]);
    assert_eq!(runs(&store, "either"), 5);
}

/// Watches one statement; says whether a write made it run again.
#[track_caller]
fn check_met(sql: &str, write_sql: &str, expected: bool) {
    let store = open();
    let query = query_db(sql_query::<(SqlText,)>(sql, ())).label("watched");
    let _subscription = store.subscribe(&query, |_| {}).unwrap();
    write(&store, write_sql);
    assert_eq!(runs(&store, "watched") == 2, expected, "`{sql}` after `{write_sql}`");
}

/// Any value as text.
#[derive(Debug, PartialEq)]
struct SqlText(String);

impl ColumnValue for SqlText {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Text);

    fn into_value(self) -> Result<SqlValue, ValueError> {
        Ok(SqlValue::Text(self.0))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        Ok(Self(format!("{value:?}")))
    }
}

#[test]
fn an_update_meets_readers_of_its_columns() {
    let update = "UPDATE items SET text = 'x'";
    check_met("SELECT text FROM items", update, true);
    check_met("SELECT id FROM items WHERE text > 'a'", update, true);
    check_met("SELECT id FROM items ORDER BY text", update, true);
    check_met("SELECT max(text) FROM items", update, true);
    check_met("SELECT id FROM items", update, false);
    check_met("SELECT done FROM items WHERE id = 1", update, false);
    check_met("SELECT count(*) FROM items", update, false);
    check_met("SELECT count(*) FROM items WHERE text = 'x'", update, true);
    check_met("SELECT name FROM lists WHERE id IN (SELECT list FROM items)", update, false);
    check_met("SELECT name FROM lists WHERE id IN (SELECT list FROM items WHERE text = 'x')", update, true);
    check_met("SELECT name FROM lists", update, false);
    check_met("SELECT 1", update, false);
    check_met("SELECT text FROM items", "UPDATE items SET (done, text) = (1, 'x') WHERE id = 9", true);
}

#[test]
fn rows_that_come_or_go_meet_every_reader_of_the_table() {
    for change in [
        "INSERT INTO items VALUES(9, 'x', 0, NULL, NULL)",
        "DELETE FROM items WHERE id = 1",
        "DELETE FROM items",
        "REPLACE INTO items VALUES(9, 'x', 0, 1, NULL)",
        "INSERT INTO items VALUES(1, 'x', 0, 1, NULL) ON CONFLICT (id) DO UPDATE SET text = 'x'",
        // It takes the rank of another item, which goes.
        "UPDATE OR REPLACE items SET rank = 2 WHERE id = 1",
    ] {
        check_met("SELECT count(*) FROM items", change, true);
        check_met("SELECT id FROM items", change, true);
        check_met("SELECT count(*) FROM lists", change, false);
    }
}

#[test]
fn cascades_meet_readers_of_the_other_table() {
    for change in ["DELETE FROM lists WHERE id = 1", "REPLACE INTO lists VALUES(1, 'again')", "DELETE FROM lists"] {
        check_met("SELECT count(*) FROM items", change, true);
        check_met("SELECT text FROM items", change, true);
    }
    check_met("SELECT count(*) FROM items", "UPDATE lists SET name = 'x'", false);
}

#[test]
fn documents_are_live() {
    let store = open();
    let visible = query_db_with(|cx| {
        let filter = cx.get(&Filter::get())?;
        Ok(Item::query().filter(|t| t.done.eq(filter.done)).select(|t| t.id))
    })
    .label("visible");
    let (log, _subscription) = Log::watch(&store, &visible, |ids| (**ids).clone());
    store.commit(Filter::set().done(true)).unwrap();
    store.commit(Filter::set().text("ignored".into())).unwrap();
    assert_eq!(log.take(), [vec![1, 2], vec![3]]);
    let (texts, _other) = Log::watch(&store, &Filter::get(), |filter| filter.text.clone());
    store.commit(Filter::set().text("x".into())).unwrap();
    assert_eq!(texts.take(), ["ignored", "x"]);
}

#[test]
fn nobody_watching_nothing_runs() {
    let store = open();
    let count = query_db(Item::query().count()).label("count");
    assert_eq!(runs(&store, "count"), 0);
    assert_eq!(*store.query(&count).unwrap(), 3);
    write(&store, "DELETE FROM items");
    assert_eq!(runs(&store, "count"), 1);
    assert_eq!((*store.query(&count).unwrap(), *store.query(&count).unwrap()), (0, 0));
    assert_eq!(runs(&store, "count"), 2);
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, QueryError>, expected: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn failures_stay_with_who_reads_them() {
    let store = open();
    let bad = query_db(sql_query::<(i64,)>("SELECT missing FROM items", ())).label("bad");
    check_error(store.query(&bad), "live query `bad` failed: no such column: missing");
    check_error(store.subscribe(&bad, |_| {}).map(drop), "live query `bad` failed");
    let panics = computed(|_| -> Result<i64> { panic!("on purpose") }).label("panics");
    check_error(store.query(&panics), "live query `panics` failed: it panicked: on purpose");
    let above = computed(move |cx| Ok(cx.get(&panics).is_err()));
    assert!(*store.query(&above).unwrap());
    let inner = store.clone();
    let reenters = computed(move |_| {
        Ok((inner.query(&Item::query().count()).is_err(), inner.commit(Wrote { sql: String::new() }).is_err()))
    });
    assert_eq!(*store.query(&reenters).unwrap(), (true, true));
    // A watched live query that fails keeps its last good value, and goes on when it can.
    let decodes = sql_query::<(bool,)>("SELECT rank FROM items WHERE id = 1", ());
    let (log, _subscription) = Log::watch(&store, &decodes, |rows| rows[0].0);
    write(&store, "UPDATE items SET rank = 7 WHERE id = 1");
    check_error(store.query(&query_db(decodes)), "column `rank`: expected 0 or 1 for a boolean, found integer 7");
    write(&store, "UPDATE items SET rank = 0 WHERE id = 1");
    assert_eq!(log.take(), [true, false]);
}

/// More live queries than a store keeps idle, all read by one: none is forgotten while it is needed.
#[test]
fn a_live_query_can_read_many_others() {
    let store = open();
    let many = computed(|cx| {
        let exists = |id: i64| cx.get(&query_db(Item::query().filter(move |t| t.id.eq(id)).exists()));
        (1..2_000).map(exists).try_fold(0, |sum, exists| Ok(sum + i64::from(*exists?)))
    });
    let (log, _subscription) = Log::watch(&store, &many, |n| **n);
    write(&store, "DELETE FROM items WHERE id = 1");
    write(&store, "INSERT INTO items VALUES(1999, 'z', 0, NULL, NULL), (7, 'x', 0, NULL, NULL)");
    assert_eq!(log.take(), [3, 2, 4]);
}

#[test]
fn what_nobody_can_read_again_is_forgotten() {
    let store = open();
    let kept = signal(0);
    store.set_signal(&kept, 1).unwrap();
    for n in 0..5_000 {
        let own = signal(n);
        let source = own.clone();
        assert_eq!(*store.query(&computed(move |cx| Ok(*cx.get(&source)?))).unwrap(), n);
    }
    assert_eq!(*store.query(&kept).unwrap(), 1);
    let instances = store.live_stats().unwrap().len();
    assert!(instances < 2_000, "{instances}");
}
