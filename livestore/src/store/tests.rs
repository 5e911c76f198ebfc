//! A leader that hangs or dies: whoever waits for it is told, in time.

#[cfg(feature = "shuttle")]
mod shuttle;

use super::ShutdownError;
use crate::*;
use std::future::Future;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Closed while it holds `true`: the leader's materializers wait before it.
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

#[event("v1.Added")]
struct Added {
    id: i64,
}

#[table("items")]
struct Item {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Added), tables(Item))]
struct App;

fn is_leader() -> bool {
    std::thread::current().name() == Some("livestore-leader")
}

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        if is_leader() && id < 0 {
            let closed = GATE.0.lock().unwrap();
            drop(GATE.1.wait_while(closed, |closed| *closed).unwrap());
        }
        Item { id }.insert()
    }
}

fn set_gate(closed: bool) {
    *GATE.0.lock().unwrap() = closed;
    GATE.1.notify_all();
}

#[test]
fn a_shutdown_does_not_wait_for_a_leader_that_hangs() {
    let store = Store::<App>::open(memory(), "hangs").unwrap();
    set_gate(true);
    let receipt = store.commit(Added { id: -1 }).unwrap();
    let error = store.inner.shutdown(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ShutdownError::Pending { pending: 1, .. }), "{error}");
    assert!(matches!(store.commit(Added { id: 1 }), Err(CommitError::Closed { .. })));
    assert!(receipt.poll().is_none());
    set_gate(false);
    // It was left behind, not cut off: what it was about to do is done.
    receipt.wait(Duration::from_secs(60)).unwrap();
}

/// Panics where the leader calls it.
struct Bomb;

impl std::task::Wake for Bomb {
    fn wake(self: Arc<Self>) {
        assert!(!is_leader(), "a waker of the application panics");
    }
}

#[test]
fn a_waker_that_panics_stops_nobody() {
    let store = Store::<App>::open(memory(), "bomb").unwrap();
    let waker = Arc::new(Bomb).into();
    let mut context = std::task::Context::from_waker(&waker);
    for id in 1..=200 {
        let mut receipt = store.commit(Added { id }).unwrap();
        let _ = std::pin::Pin::new(&mut receipt).poll(&mut context);
        assert!(receipt.wait(Duration::from_secs(60)).is_ok(), "{id}");
    }
    store.shutdown().unwrap();
}

#[test]
fn a_wait_without_an_end_is_no_longer_than_a_clock_counts() {
    let store = Store::<App>::open(memory(), "waits").unwrap();
    let mut changes = store.changes(&Item::query()).unwrap();
    let receipt = store.commit(Added { id: 1 }).unwrap();
    receipt.wait(Duration::MAX).unwrap();
    receipt.wait_durable(Duration::MAX).unwrap();
    assert!(store.wait_sync(Duration::MAX, |status| status.pending == 0));
    assert_eq!(store.events::<Added>().next_timeout(Duration::MAX).unwrap().unwrap().event.id, 1);
    assert!(changes.next_timeout(Duration::MAX).is_some());
    store.inner.shutdown(Duration::MAX).unwrap();

    let pumped = Store::<App>::builder(memory(), "waits").pumped().open().unwrap();
    let receipt = pumped.commit(Added { id: 1 }).unwrap();
    pumped.pump(Duration::MAX);
    assert!(receipt.poll().is_some());
    assert!(matches!(pumped.status().leader, LeaderState::Running), "{:?}", pumped.status());
}

/// Two sessions without threads, the second of which could not take what the first committed.
fn one_stopped(id: &str) -> (Store<App>, Store<App>) {
    let adapter = memory();
    let open = || Store::<App>::builder(adapter.clone(), id).pumped().open().unwrap();
    let (first, second) = (open(), open());
    second.commit(Added { id: 2 }).unwrap();
    first.commit(Added { id: 1 }).unwrap();
    first.pump(Duration::from_millis(5));
    crate::crash::set_step_code(Some(rusqlite::ffi::SQLITE_NOMEM));
    (first, second)
}

#[test]
fn a_session_that_stopped_takes_no_commit() {
    let (first, second) = one_stopped("stopped-commit");
    let refused = second.commit(Added { id: 3 });
    crate::crash::set_step_code(None);
    assert!(matches!(refused, Err(CommitError::Closed { .. })), "{refused:?}");
    assert!(second.status().closed.is_some());
    first.pump(Duration::from_millis(10));
    assert_eq!(first.query(&Item::query()).unwrap().len(), 2);
}

#[test]
fn a_session_that_stopped_is_shut_down_when_what_it_committed_is_durable() {
    let (first, second) = one_stopped("stopped-shutdown");
    assert!(second.status().closed.is_some());
    crate::crash::set_step_code(None);
    assert!(!first.status().is_durable);
    second.shutdown().unwrap();
    assert!(first.status().is_durable);
    first.shutdown().unwrap();
}

#[test]
fn a_damaged_journal_that_turns_up_while_the_store_is_open_is_named() {
    let directory = std::env::temp_dir().join(format!("livestore-store-{}-damaged", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    let store = Store::<App>::builder(native(&directory), "damaged").pumped().open().unwrap();
    assert!(store.status().kept_aside.is_empty());
    let journal = directory.join("store-damaged").join("journal-xxxx-000000.log");
    std::fs::write(&journal, [7; 200]).unwrap();
    for tenth in 1..200 {
        store.pump(Duration::from_millis(tenth * 100));
    }
    assert_eq!(store.status().kept_aside, [journal.with_extension("damaged")]);
    store.shutdown().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_stream_takes_any_number_for_a_bound() {
    let store = Store::<App>::open(memory(), "bounds").unwrap();
    store.commit(Added { id: 1 }).unwrap().wait(Duration::from_secs(60)).unwrap();
    for largest in [u64::MAX, 1 << 63] {
        let end = SequenceNumber { global: largest, client: largest, rebase_generation: 0 };
        assert_eq!(store.events::<Added>().since(end).until_now().count(), 0);
        assert_eq!(store.events::<Added>().until(end).until_now().count(), 1);
        assert_eq!(
            (end.next_synced().global, end.next_client_only().client),
            (largest.saturating_add(1), largest.saturating_add(1))
        );
    }
    store.shutdown().unwrap();
}

/// Whatever it was said before, or after, the policy holds; and who waits for the first sync hears that there will be none.
#[test]
fn a_store_that_stops_at_another_backend_opens_and_sends_nothing() {
    let directory = std::env::temp_dir().join(format!("livestore-store-{}-stops", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    let backend = MemoryBackend::new();
    let open = || {
        let builder = Store::<App>::builder(native(&directory), "stops").on_other_backend(OnOtherBackend::Stop);
        builder.sync(backend.clone()).initial_sync(InitialSync::Blocking(Duration::from_secs(600))).open().unwrap()
    };
    let store = open();
    store.commit(Added { id: 1 }).unwrap();
    assert!(store.wait_synced(Duration::from_secs(60)));
    store.shutdown().unwrap();
    backend.replace();
    let store = open();
    assert!(matches!(store.sync_status().state, SyncState::Stopped { .. }), "{:?}", store.sync_status());
    assert_eq!(backend.events("stops"), []);
    store.shutdown().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn nobody_waits_for_a_first_sync_that_nobody_pumps() {
    let wait = InitialSync::Blocking(Duration::MAX);
    let builder = Store::<App>::builder(memory(), "unpumped").sync(MemoryBackend::new()).initial_sync(wait);
    builder.pumped().open().unwrap().shutdown().unwrap();
}

/// The older session still holds its leader, and its journal.
#[test]
fn a_store_whose_leader_was_overtaken_opens_again() {
    let directory = std::env::temp_dir().join(format!("livestore-store-{}-overtaken", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    let open = || Store::<App>::open(native(&directory), "overtaken").unwrap();
    let store = open();
    let log = directory.join("store-overtaken").join("eventlog.db");
    crate::eventlog::Eventlog::open(crate::sqlite::Place::File(log)).unwrap().claim().unwrap();
    let left = store.commit(Added { id: 1 }).unwrap().wait(Duration::from_secs(60));
    assert!(matches!(left, Err(WaitError::Closed { .. })), "{left:?}");
    let again = open();
    again.commit(Added { id: 2 }).unwrap();
    drop(store);
    let mut counts = again.changes(&query_db(Item::query().count())).unwrap();
    while *counts.next_timeout(Duration::from_secs(60)).expect("the rest of its journal is taken") < 2 {}
    again.shutdown().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
}
