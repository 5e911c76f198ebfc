//! What a pending event costs in memory, at the leader and at a session, beyond its payload and beyond state.

use livestore::Store;
use livestore_benches::app::{App, created};
use livestore_benches::client::{CONFIRMED, Client, poll_head};
use livestore_benches::heap::{Counted, heap_bytes};
use livestore_benches::{Bench, Unit};

#[global_allocator]
static HEAP: Counted = Counted;

fn main() {
    let bench = Bench::from_args();
    if !bench.wants("memory") {
        return;
    }
    let pending = bench.size(100_000, 100);
    let payload = serde_json::to_string(&created(0)).unwrap().len() as f64;
    let empty = shares(0);
    let full = shares(pending);
    let per_event = |full: i64, empty: i64| (full - empty) as f64 / pending as f64;
    let (leader, session) = (per_event(full.0, empty.0), per_event(full.1, empty.1) - payload);
    let what = format!("{pending} pending, the leader's memory per event");
    bench.alone(("memory", &what, "≤ 64 B"), Unit::Bytes, || leader);
    let what = format!("{pending} pending, a session's memory per event, without its {payload} B of payload");
    bench.alone(("memory", &what, "≤ 64 B"), Unit::Bytes, || session);
}

/// What is allocated for the leader with everything around it, and for one more session.
fn shares(pending: u64) -> (i64, i64) {
    let client = Client::offline(100, pending).unwrap();
    let with_one = quiet(&[&client.store], pending);
    let second = client.session().unwrap();
    let with_two = quiet(&[&client.store, &second], pending);
    let session = with_two - with_one;
    (with_one - session, session)
}

/// After all is durable and told, so that nothing is on its way.
fn quiet(sessions: &[&Store<App>], pending: u64) -> i64 {
    sessions.iter().for_each(|store| poll_head(store, CONFIRMED + pending));
    livestore_benches::client::poll(|| sessions.iter().all(|store| store.status().is_durable));
    heap_bytes()
}
