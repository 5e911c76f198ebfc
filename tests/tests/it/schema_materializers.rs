//! Materializers: what they see, what they return, and what becomes of their failures.

use livestore::*;

#[event("v1.Step")]
struct Step {
    what: String,
}

#[event("LocalStep", client_only)]
struct LocalStep {
    what: String,
}

#[table("rows")]
struct Line {
    #[column(primary_key)]
    id: i64,
    text: String,
}

#[table("seen", client_only)]
struct Seen {
    #[column(primary_key)]
    id: String,
    by: String,
}

/// Each session has its own.
#[client_document("mine")]
#[derive(Default)]
struct Mine {
    text: String,
}

#[schema(events(Step, LocalStep), tables(Line, Seen), documents(Mine))]
struct App;

#[derive(Debug)]
struct OwnError;

impl std::fmt::Display for OwnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the own error")
    }
}

impl std::error::Error for OwnError {}

fn add(id: i64, text: impl Into<String>) -> Insert<Line> {
    Line { id, text: text.into() }.insert()
}

#[materializers]
impl App {
    fn step(Step { what }: Step, cx: &MaterializeCx<'_>) -> Result<Writes> {
        let mut writes = Writes::default();
        let w = &mut writes;
        match &*what {
            "nothing" => ().into_writes(w)?,
            "none" => None::<Insert<Line>>.into_writes(w)?,
            "one" => add(1, "one").into_writes(w)?,
            "some" => Some(add(1, "some")).into_writes(w)?,
            "tuple" => (add(1, "a"), Line::update().set(|t| t.text, "b").filter(|t| t.id.eq(1))).into_writes(w)?,
            "array" => [add(1, "a"), add(2, "b")].into_writes(w)?,
            "vec" => vec![add(1, "a"), add(2, "b")].into_writes(w)?,
            "nested" => (Some(add(1, "a")), vec![(add(2, "b"), ()), (add(3, "c"), ())]).into_writes(w)?,
            "pushed" => {
                w.push(add(1, "a"))?;
                w.push([add(2, "b"), add(3, "c")])?;
                w.push(Line::delete().filter(|t| t.id.eq(2)))?;
            }
            "raw" => sql_write("INSERT INTO rows VALUES(?, ?)", (1, "raw")).into_writes(w)?,
            "ok" => Ok::<_, OwnError>(add(1, "ok")).into_writes(w)?,
            "own error" => Err::<(), _>(OwnError).into_writes(w)?,
            "text error" => Err::<(), _>("only text").into_writes(w)?,
            "own words" => return Err("in words".into()),
            "words with ?" => Err::<(), _>(format!("in {} words", 3))?,
            "panic" => panic!("on purpose: {what}"),
            "write then fail" => {
                cx.write(add(1, "a"))?;
                Err::<(), _>(OwnError).into_writes(w)?;
            }
            "write then panic" => {
                cx.write(add(1, "a"))?;
                panic!("after a write");
            }
            "constraint" => (add(1, "a"), add(1, "b")).into_writes(w)?,
            "undecodable" => cx.query(sql_query::<(i64,)>("SELECT 'x'", ())).map(drop)?,
            "returned last" => {
                // The returned write runs after these, and so does not meet row 1.
                add(1, "returned").into_writes(w)?;
                cx.write(add(1, "written"))?;
                assert_eq!(cx.query(Line::query().select(|t| t.text))?, ["written"]);
                assert_eq!(cx.write(Line::delete())?, 1);
            }
            "reads its writes" => {
                cx.write(add(1, "a"))?;
                let typed = cx.query(Line::query().count())?;
                let raw = cx.query(sql_query::<(i64,)>("SELECT count(*) FROM rows", ()).one())?;
                add(2, format!("{typed} {}", raw.0)).into_writes(w)?;
            }
            "returning" => {
                let ids = cx.write(add(7, "x").returning(|t| (t.id, t.text)))?;
                let changed = cx.write(Line::update().set(|t| t.text, "y").returning(|t| t.text))?;
                let none = cx.write(Line::delete().filter(|t| t.id.eq(9)).returning(|t| t.id))?;
                let upserted = cx.write(add(7, "z").on_conflict(|t| t.id).ignore().returning(|t| t.id))?;
                add(8, format!("{ids:?} {changed:?} {none:?} {upserted:?}")).into_writes(w)?;
            }
            "counts" => {
                let added = cx.write(add(1, "a"))?;
                let ignored = cx.write(add(1, "b").on_conflict(|t| t.id).ignore())?;
                let many = cx.write(sql_write("INSERT INTO rows SELECT value, 'm' FROM json_each('[5,6,7]')", ()))?;
                add(2, format!("{added} {ignored} {many}")).into_writes(w)?;
            }
            "swallows" => {
                cx.write(add(1, "a"))?;
                let twice = cx.write(add(1, "b"));
                let no_table = cx.write(sql_write("DELETE FROM nothing", ()));
                let refused = cx.write(sql_write("ROLLBACK", ()));
                assert!(twice.is_err() && no_table.is_err() && refused.is_err());
                add(2, "after").into_writes(w)?;
            }
            "meta" => add(1, format!("{} {}", cx.event().client_id, cx.event().session_id)).into_writes(w)?,
            "before" => add(99, "before").into_writes(w)?,
            _ => add(50, what).into_writes(w)?,
        }
        Ok(writes)
    }

    fn local_step(LocalStep { what }: LocalStep, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let mine = cx.query(Mine::get())?;
        Ok(Seen { id: what, by: mine.text }.insert().on_conflict(|t| t.id).replace())
    }
}

fn open() -> Store<App> {
    Store::open(memory(), "schema-materializers").unwrap()
}

fn step(what: &str) -> Step {
    Step { what: what.into() }
}

fn lines(store: &Store<App>) -> Vec<(i64, String)> {
    store.query(&Line::query().select(|t| (t.id, t.text)).order_by(|t| t.id.asc())).unwrap()
}

/// The rows after one step in an empty store.
#[track_caller]
fn check(what: &str, expected: &[(i64, &str)]) {
    let store = open();
    let receipt = store.commit(step(what)).unwrap();
    let expected: Vec<_> = expected.iter().map(|(id, text)| (*id, (*text).to_owned())).collect();
    assert_eq!(lines(&store), expected, "{what}");
    // The leader materializes it a second time, from the encoded form.
    let outcome = receipt.wait(std::time::Duration::from_secs(20)).unwrap();
    assert_eq!(outcome.quarantined, None, "{what}");
}

#[test]
fn any_shape_of_writes_is_run_in_order() {
    check("nothing", &[]);
    check("none", &[]);
    check("one", &[(1, "one")]);
    check("some", &[(1, "some")]);
    check("tuple", &[(1, "b")]);
    check("array", &[(1, "a"), (2, "b")]);
    check("vec", &[(1, "a"), (2, "b")]);
    check("nested", &[(1, "a"), (2, "b"), (3, "c")]);
    check("pushed", &[(1, "a"), (3, "c")]);
    check("raw", &[(1, "raw")]);
    check("ok", &[(1, "ok")]);
}

#[test]
fn a_materializer_reads_what_it_wrote() {
    check("returned last", &[(1, "returned")]);
    check("reads its writes", &[(1, "a"), (2, "1 1")]);
    check("returning", &[(7, "y"), (8, r#"[(7, "x")] ["y"] [] []"#)]);
    check("counts", &[(1, "a"), (2, "1 0 3"), (5, "m"), (6, "m"), (7, "m")]);
}

/// A statement that failed changed nothing by itself; what the materializer makes of it is its own affair.
#[test]
fn a_swallowed_error_leaves_the_rest() {
    check("swallows", &[(1, "a"), (2, "after")]);
}

#[test]
fn a_materializer_knows_who_committed() {
    let store = open();
    store.commit(step("meta")).unwrap();
    assert_eq!(lines(&store), [(1, format!("{} {}", store.client_id(), store.session_id()))]);
}

#[test]
fn failures_are_typed_and_change_nothing() {
    for (what, expected) in [
        ("own error", "event `v1.Step` cannot be materialized: the own error"),
        ("text error", "event `v1.Step` cannot be materialized: only text"),
        ("own words", "event `v1.Step` cannot be materialized: in words"),
        ("words with ?", "event `v1.Step` cannot be materialized: in 3 words"),
        ("write then fail", "event `v1.Step` cannot be materialized: the own error"),
        ("constraint", "UNIQUE constraint failed: rows.id"),
        ("undecodable", "expected an integer, found text \"x\""),
    ] {
        let store = open();
        store.commit(step("before")).unwrap();
        let head = store.status().local_head;
        let error = store.commit([step("another"), step(what)]).unwrap_err();
        assert!(matches!(&error, CommitError::Materialize { event, .. } if event == "v1.Step"), "{what}: {error:?}");
        assert!(error.to_string().contains(expected), "{what}: {error}");
        assert_eq!(lines(&store), [(99, "before".to_owned())], "{what}");
        assert_eq!(store.status().local_head, head, "{what}");
        store.commit(step("one")).unwrap();
        assert_eq!(lines(&store).len(), 2, "{what}");
    }
    let error = open().commit(step("own error")).unwrap_err();
    let CommitError::Materialize { source, .. } = error else { panic!("{error:?}") };
    assert!(source.downcast_ref::<OwnError>().is_some(), "{source:?}");
}

#[test]
fn panics_are_typed_and_change_nothing() {
    for (what, expected) in [("panic", "on purpose: panic"), ("write then panic", "after a write")] {
        let store = open();
        store.commit(step("before")).unwrap();
        let error = store.commit(step(what)).unwrap_err();
        let CommitError::Panicked { event, message } = &error else { panic!("{error:?}") };
        assert_eq!((event.as_str(), message.as_str()), ("v1.Step", expected));
        assert_eq!(lines(&store), [(99, "before".to_owned())]);
        store.commit(step("one")).unwrap();
        assert_eq!(lines(&store).len(), 2);
    }
}

/// A session's own document is that of the session that committed the event, whoever materializes it.
#[test]
fn a_session_scoped_read_means_the_committing_session() {
    let adapter = memory();
    let first = Store::<App>::open(adapter.clone(), "own").unwrap();
    let second = Store::<App>::open(adapter, "own").unwrap();
    let wait = |receipt: Receipt| receipt.wait(std::time::Duration::from_secs(20)).unwrap();
    wait(second.commit(Mine::set().text("second's".into())).unwrap());
    first.commit(Mine::set().text("first's".into())).unwrap();
    let outcome = wait(first.commit(LocalStep { what: "a".into() }).unwrap());
    assert_eq!(outcome.quarantined, None);
    let seen = Seen::query().select(|t| t.by).first();
    assert_eq!(first.query(&seen).unwrap().as_deref(), Some("first's"));
    let mut changes = second.changes(&seen).unwrap();
    let by =
        std::iter::from_fn(|| changes.next_timeout(std::time::Duration::from_secs(20))).find_map(|by| (*by).clone());
    assert_eq!(by.as_deref(), Some("first's"));
}
