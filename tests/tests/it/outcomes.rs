//! What a commit comes to in the end, and what the status says of it.

use livestore::*;
use livestore_tests::notes;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

#[event("v1.Measured")]
struct Measured {
    id: i64,
}

#[event("v1.Grown")]
struct Grown {
    id: i64,
}

#[table("sizes")]
struct Size {
    #[column(primary_key)]
    id: i64,
    bytes: i64,
}

#[table("grown")]
struct Grew {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Measured, Grown), tables(Size, Grew))]
struct App;

#[materializers]
impl App {
    /// Makes a value that is longer than SQLite allows where something has grown before.
    fn measured(Measured { id }: Measured) -> impl IntoWrites {
        sql_write(
            "INSERT INTO sizes SELECT ?1, length(zeroblob(CASE WHEN (SELECT count(*) FROM grown) > 0 THEN 2000000000 ELSE 7 END))",
            (id,),
        )
    }

    fn grown(Grown { id }: Grown) -> impl IntoWrites {
        Grew { id }.insert()
    }
}

#[test]
fn a_value_that_is_too_long_at_its_place_is_quarantined_and_blocks_nothing() {
    let backend = MemoryBackend::new();
    let store = Store::<App>::builder(memory(), "sizes").sync(backend.clone()).open().unwrap();
    assert!(store.wait_synced(LONG));
    backend.set_online(false);
    let too_big = store.commit(Measured { id: 1 }).unwrap();
    assert_eq!(store.query(&Size::query()).unwrap()[0].bytes, 7);
    backend.append("sizes", "other", "v1.Grown", Some(r#"{"id":1}"#));
    backend.set_online(true);
    let outcome = too_big.wait(LONG).unwrap();
    assert!(outcome.quarantined.is_some_and(|reason| reason.contains("too big")));
    assert_eq!(store.query(&Size::query().count()).unwrap(), 0);
    assert!(store.commit(Grown { id: 2 }).unwrap().wait(LONG).unwrap().quarantined.is_none());
    store.commit(Measured { id: 2 }).unwrap_err();
    assert!(store.wait_synced(LONG));
    assert_eq!((store.status().closed, store.status().quarantined.len()), (None, 1));
}

#[test]
fn what_a_store_confirmed_by_itself_is_pending_until_a_backend_has_it() {
    let scratch = livestore_tests::scratch::Scratch::new("provisional");
    let backend = MemoryBackend::new();
    let alone = Store::<notes::App>::open(native(scratch.path()), notes::STORE).unwrap();
    notes::write(&alone, "1").wait(LONG).unwrap();
    let status = alone.sync_status();
    assert_eq!((status.pending, status.synced, &status.state), (0, 0, &SyncState::Off));
    alone.shutdown().unwrap();
    drop(alone);
    backend.set_online(false);
    let store = notes::open(native(scratch.path()), &backend);
    notes::write(&store, "2").wait(LONG).unwrap();
    let all_wait = |status: &SyncStatus| (status.session_pending, status.pending, status.synced) == (0, 2, 0);
    assert!(store.wait_sync(LONG, all_wait), "{:?}", store.sync_status());
    backend.set_online(true);
    assert!(store.wait_synced(LONG));
    let status = store.sync_status();
    assert_eq!((status.pending, status.synced), (0, 2), "{status:?}");
}

#[test]
fn who_watches_a_query_that_fails_can_ask_why() {
    let store = Store::<App>::open(memory(), "sizes").unwrap();
    // Nothing is no number.
    let watched =
        query_db(sql_query::<(i64,)>("SELECT CASE count(*) WHEN 1 THEN NULL ELSE count(*) END FROM grown", ()).one());
    let watch = store.subscribe(&watched, |_| {}).unwrap();
    let mut changes = store.changes(&watched).unwrap();
    assert_eq!((changes.next().as_deref(), watch.error().is_none()), (Some(&(0,)), true));
    store.commit(Grown { id: 1 }).unwrap();
    assert_eq!(changes.try_next(), None);
    let why = watch.error().unwrap().to_string();
    assert_eq!(changes.error().map(|error| error.to_string()), Some(why));
    store.commit(Grown { id: 2 }).unwrap();
    assert_eq!(changes.next().as_deref(), Some(&(2,)));
    assert!(watch.error().is_none() && changes.error().is_none());
}
