//! A commit that fails changes nothing, whichever way its writes are made.

use livestore::*;

/// Writes the ids in the way that `how` names.
#[event("v1.Added")]
struct Added {
    how: String,
    ids: Vec<i64>,
    content: String,
}

#[table("items")]
struct Item {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Added), tables(Item))]
struct App;

#[materializers]
impl App {
    fn added(Added { how, ids, .. }: Added, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let insert = |id: &i64| Item { id: *id }.insert();
        let values = ids.iter().map(|id| format!("({id})")).collect::<Vec<_>>().join(", ");
        let raw = |verb: &str| sql_write(format!("{verb} INTO items(id) VALUES {values}"), ());
        match &*how {
            "returned" => {
                let mut writes = Writes::default();
                ids.iter().map(insert).try_for_each(|write| write.into_writes(&mut writes))?;
                Ok(writes)
            }
            "written" => {
                for id in &ids {
                    cx.write(insert(id))?;
                }
                Ok(Writes::default())
            }
            "swallowed" => {
                // The first stays; whatever fails after it is of no interest to this materializer.
                for id in &ids {
                    let _ = cx.write(insert(id));
                }
                Ok(Writes::default())
            }
            "written, then returned" => {
                cx.write(insert(&ids[0]))?;
                let mut writes = Writes::default();
                ids[1..].iter().map(insert).try_for_each(|write| write.into_writes(&mut writes))?;
                Ok(writes)
            }
            "panic" => {
                cx.write(insert(&ids[0]))?;
                panic!("the materializer of {ids:?} panics");
            }
            verb => {
                let mut writes = Writes::default();
                raw(verb).into_writes(&mut writes)?;
                Ok(writes)
            }
        }
    }
}

fn added(how: &str, ids: &[i64]) -> Added {
    Added { how: how.into(), ids: ids.into(), content: String::new() }
}

fn ids(store: &Store<App>) -> Vec<i64> {
    store.query(&Item::query().select(|t| t.id).order_by(|t| t.id.asc())).unwrap()
}

/// After 1 is there, an event that adds these ids in this way leaves those.
#[track_caller]
fn check(how: &str, new: &[i64], expected: &[i64]) {
    let store = Store::<App>::open(memory(), "undo").unwrap();
    store.commit(added("returned", &[1])).unwrap();
    let outcome = store.commit(added(how, new));
    assert_eq!(ids(&store), expected, "{how} {new:?}: {outcome:?}");
    store.commit(added("returned", &[100])).unwrap();
    assert_eq!(ids(&store), [expected, &[100]].concat(), "{how} {new:?}: the store goes on");
    store.shutdown().unwrap();
}

#[test]
fn one_event_that_fails_in_any_of_its_writes_changes_nothing() {
    for how in ["returned", "written", "written, then returned", "INSERT", "INSERT OR FAIL", "insert or fail"] {
        check(how, &[2], &[1, 2]);
        check(how, &[2, 3], &[1, 2, 3]);
        check(how, &[1], &[1]);
        check(how, &[2, 1], &[1]);
        check(how, &[2, 3, 1], &[1]);
    }
    check("panic", &[2], &[1]);
    check("swallowed", &[2, 1, 3], &[1, 2, 3]);
}

#[test]
fn several_events_that_fail_in_the_last_change_nothing() {
    let store = Store::<App>::open(memory(), "undo").unwrap();
    store.commit(added("returned", &[1])).unwrap();
    for how in ["returned", "written", "INSERT OR FAIL"] {
        store.commit([added(how, &[2]), added(how, &[3, 1])]).unwrap_err();
        assert_eq!(ids(&store), [1], "{how}");
    }
}

/// The journal cannot be written: what was applied a moment before goes away again, and what came before it stays.
#[test]
#[cfg(unix)]
fn a_commit_that_cannot_be_kept_is_taken_back() {
    let folder = std::env::temp_dir().join(format!("livestore-undo-{}", std::process::id()));
    let store = Store::<App>::open(native(&folder), "undo").unwrap();
    let content = "x".repeat(800_000);
    store.commit(Added { content: content.clone(), ..added("returned", &[1]) }).unwrap();
    let moved = folder.with_extension("moved");
    std::fs::rename(&folder, &moved).unwrap();
    // Sooner or later the journal begins a new file, and finds no folder.
    let mut next = 2;
    for how in ["returned", "written"] {
        let before = loop {
            let before = ids(&store);
            match store.commit(Added { content: content.clone(), ..added(how, &[next]) }) {
                Ok(_) => next += 1,
                Err(_) => break before,
            }
            assert!(next < 1_000, "the journal never began a new file");
        };
        assert_eq!(ids(&store), before, "{how}");
    }
    std::fs::rename(&moved, &folder).unwrap();
    let before = ids(&store);
    store.commit(added("returned", &[next])).unwrap();
    assert_eq!(ids(&store), [&*before, &[next]].concat());
    store.shutdown().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
