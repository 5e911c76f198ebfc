//! A session that never rests.

use livestore::{IntoWrites, Store, Table, event, materializers, native, schema, table};
use std::time::Duration;

#[event("v1.Uploaded")]
struct Uploaded {
    id: i64,
    content: String,
}

#[table("uploads")]
struct Upload {
    #[column(primary_key)]
    id: i64,
    len: i64,
}

#[schema(events(Uploaded), tables(Upload))]
struct App;

#[materializers]
impl App {
    fn uploaded(Uploaded { id, content }: Uploaded) -> impl IntoWrites {
        Upload { id, len: content.len() as i64 }.insert()
    }
}

#[test]
fn a_session_that_never_rests_is_not_refused_while_the_leader_keeps_up() {
    let folder = std::env::temp_dir().join(format!("livestore-long-run-{}", std::process::id()));
    let store = Store::<App>::open(native(&folder), "uploads").unwrap();
    // More than a journal may hold, with no pause in which the leader would sync of its own accord.
    let events = 100;
    for id in 0..events {
        let receipt = store.commit(Uploaded { id, content: "x".repeat(800_000) });
        let receipt = receipt.unwrap_or_else(|error| panic!("commit {id}: {error}"));
        receipt.wait(Duration::from_secs(60)).unwrap();
    }
    assert_eq!(store.query(&Upload::query().count()).unwrap(), events);
    store.shutdown().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
