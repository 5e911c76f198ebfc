//! Live queries while what is pending is undone and applied again.

use livestore::*;
use livestore_tests::notes::*;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(10);

#[test]
fn what_a_rebase_undid_is_gone_from_live_queries() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    assert!(store.wait_synced(LONG));
    backend.set_online(false);
    let mut counts = store.changes(&query_db(Line::query().count())).expect("it runs");
    let group = (Claimed { name: "n".into() }, Written { text: "mine".into() });
    let receipt = store.commit(group).expect("the name is free here");
    while *counts.next_timeout(WAIT).expect("the line is told") != 1 {}

    // Somebody else has the name by now: the group cannot be applied again, and what it wrote is written by nobody.
    backend.append(STORE, "other", "v1.Claimed", Some("{\"name\":\"n\"}"));
    backend.set_online(true);
    while *counts.next_timeout(WAIT).expect("the line is gone again") != 0 {}
    assert!(receipt.wait(LONG).expect("it has its place").quarantined.is_some());
    assert_eq!(lines(&store), [] as [&str; 0]);
}
