//! A session that is open while its store meets its first backend: all state is another one under its live queries.

use livestore::*;
use livestore_tests::items::*;
use livestore_tests::scratch::Scratch;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(60);

#[test]
fn live_queries_go_on_when_a_store_meets_its_first_backend() {
    let directory = Scratch::new("first-backend");
    let alone = Store::<App>::open(native(directory.path()), "items").unwrap();
    alone.commit(Added { id: 1 }).unwrap();
    alone.shutdown().unwrap();
    let backend = MemoryBackend::new();
    backend.append("items", "other", "v1.Added", Some("{\"id\":3}"));
    backend.set_online(false);
    let store = Store::<App>::builder(native(directory.path()), "items").sync(backend.clone()).open().unwrap();
    let count = query_db(Item::query().count());
    let mut counts = store.changes(&count).unwrap();
    let mut ids = store.changes(&Item::query().select(|t| t.id).order_by(|t| t.id.asc())).unwrap();
    store.commit(Added { id: 2 }).unwrap();
    assert_eq!(*store.query(&count).unwrap(), 2);

    backend.set_online(true);
    while *counts.next_timeout(WAIT).expect("the count changes") != 3 {}
    while *ids.next_timeout(WAIT).expect("the rows change") != [1, 2, 3] {}

    // And after it, as before.
    let receipt = store.commit(Added { id: 4 }).unwrap();
    assert_eq!(*store.query(&count).unwrap(), 4);
    receipt.wait(WAIT).unwrap();
    while *counts.next_timeout(WAIT).expect("the count changes") != 4 {}
    assert_eq!(backend.head("items"), 4);
    let status = store.status();
    assert_eq!((status.pending, status.local_head), (0, status.upstream_head));
    store.shutdown().unwrap();
}
