//! The runs in which TypeScript LiveStore stalls, doubles or loses events, and those that it defines.

use livestore::*;
use livestore_tests::notes::*;
use livestore_tests::scratch::Scratch;

fn append(backend: &MemoryBackend, text: &str) {
    backend.append(STORE, "other", "v1.Written", Some(&format!("{{\"text\":\"{text}\"}}")));
}

fn number(receipt: &Receipt) -> String {
    receipt.wait(LONG).unwrap().number.to_string()
}

/// A client that is in sync with a backend which holds so many lines.
fn in_sync(lines: usize) -> (MemoryBackend, Store<App>) {
    let backend = MemoryBackend::new();
    (0..lines).for_each(|number| append(&backend, &format!("old{number}")));
    let store = client(&backend);
    wait_for_lines(&store, lines);
    assert!(store.wait_synced(LONG));
    (backend, store)
}

#[test]
fn an_echo_confirms_without_a_change() {
    let (backend, store) = in_sync(0);
    let mut changes = store.changes(&query_db(Line::query().count())).unwrap();
    assert_eq!(changes.next_timeout(LONG).as_deref(), Some(&0));
    assert_eq!(number(&write(&store, "b")), "e1");
    assert_eq!(changes.next_timeout(LONG).as_deref(), Some(&1));
    check_converged(&backend, &[&store], &["b"]);
    assert_eq!(changes.try_next(), None, "the echo changes nothing");
    assert_eq!(backend.pushes(), 1);
}

#[test]
fn a_pushed_event_moves_behind_one_that_was_first() {
    let (backend, store) = in_sync(0);
    backend.hold();
    append(&backend, "x");
    let receipt = write(&store, "b");
    backend.release();
    assert_eq!(number(&receipt), "e2");
    assert_eq!(lines(&store), ["x", "b"]);
    // Leader and session speak of the same head after it: the next events follow.
    assert_eq!(number(&write(&store, "c")), "e3");
    check_converged(&backend, &[&store], &["x", "b", "c"]);
}

#[test]
fn events_committed_during_a_conflict_keep_their_order_and_are_pushed_once() {
    let (backend, store) = in_sync(0);
    backend.hold();
    append(&backend, "x");
    let first = write(&store, "b");
    first.wait_durable(LONG).unwrap();
    let second = write(&store, "c");
    backend.release();
    assert_eq!((number(&first), number(&second)), ("e2".into(), "e3".into()));
    check_converged(&backend, &[&store], &["x", "b", "c"]);
    assert_eq!(lines(&store), ["x", "b", "c"]);
}

#[test]
fn client_only_events_around_a_synced_one_move_with_it() {
    let (backend, store) = in_sync(0);
    backend.hold();
    append(&backend, "x");
    let pick = |what: &str| store.commit(Picked { what: what.into() }).unwrap();
    let (before, synced, after) = (pick("ui1"), write(&store, "b"), pick("ui2"));
    assert!(after.wait_durable(LONG).is_ok());
    backend.release();
    assert_eq!((number(&synced), number(&after)), ("e2".into(), "e2.1".into()));
    // It was confirmed at once, with nothing synced before it.
    assert_eq!(number(&before), "e0.1");
    assert_eq!((number(&pick("ui3")), number(&write(&store, "c"))), ("e2.2".into(), "e3".into()));
    assert_eq!(picks(&store), ["ui1", "ui2", "ui3"]);
    check_converged(&backend, &[&store], &["x", "b", "c"]);
}

#[test]
fn client_only_events_alone_do_not_conflict() {
    let (backend, store) = in_sync(0);
    let pick = |what: &str| store.commit(Picked { what: what.into() }).unwrap();
    assert_eq!(number(&pick("ui1")), "e0.1");
    append(&backend, "x");
    wait_for_lines(&store, 1);
    assert_eq!(number(&pick("ui2")), "e1.1");
    assert_eq!(number(&write(&store, "b")), "e2");
    check_converged(&backend, &[&store], &["x", "b"]);
}

/// Commits that meet foreign events in the middle of a pull of several pages.
fn check_conflict_during_a_pull(own: usize, foreign: usize) {
    let (backend, store) = in_sync(3);
    backend.hold();
    // More than a page: the pull is under way while the session commits and rebases.
    let foreign: Vec<String> = (0..200 + foreign).map(|number| format!("x{number}")).collect();
    foreign.iter().for_each(|text| append(&backend, text));
    let own: Vec<String> = (0..own).map(|number| format!("b{number}")).collect();
    let receipts: Vec<Receipt> = own.iter().map(|text| write(&store, text)).collect();
    backend.release();
    for receipt in &receipts {
        assert!(!receipt.wait(LONG).unwrap().is_provisional);
    }
    let old = ["old0", "old1", "old2"];
    let texts: Vec<&str> = old.into_iter().chain(foreign.iter().chain(&own).map(String::as_str)).collect();
    check_converged(&backend, &[&store], &texts);
    assert_eq!(lines(&store), texts);
    // And nothing is stuck.
    write(&store, "after");
    assert!(store.wait_synced(LONG));
    assert_eq!(backend.head(STORE), texts.len() as u64 + 1);
}

#[test]
fn a_conflict_during_a_pull_does_not_stall_a_session() {
    for (own, foreign) in [(3, 1), (1, 2), (1, 1)] {
        check_conflict_during_a_pull(own, foreign);
    }
}

#[test]
fn a_burst_that_meets_a_conflict_has_no_gap_and_comes_once() {
    let (backend, store) = in_sync(0);
    backend.hold();
    append(&backend, "x");
    write(&store, "b").wait_durable(LONG).unwrap();
    backend.release();
    check_converged(&backend, &[&store], &["x", "b"]);
    // The session was rebased, the leader was not in its place since: fifteen commits meet the next conflict.
    backend.hold();
    append(&backend, "y");
    let own: Vec<String> = (0..15).map(|number| format!("c{number}")).collect();
    own.iter().for_each(|text| drop(write(&store, text)));
    backend.release();
    let texts: Vec<&str> = ["x", "b", "y"].into_iter().chain(own.iter().map(String::as_str)).collect();
    check_converged(&backend, &[&store], &texts);
    assert_eq!(lines(&store), texts);
}

#[test]
fn an_absent_backend_is_not_asked_in_a_hot_loop() {
    let (backend, store) = in_sync(0);
    let counted = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let provider = Counting(backend.clone(), std::sync::Arc::clone(&counted));
    backend.set_online(false);
    let other = Store::<App>::builder(memory(), STORE).sync(provider).open().unwrap();
    let waits = |status: &SyncStatus| status.state == SyncState::Waiting && status.next_retry_ms.is_some();
    assert!(other.wait_sync(LONG, waits), "{:?}", other.sync_status());
    (0..50).for_each(|number| drop(write(&other, &number.to_string())));
    assert!(other.wait_sync(LONG, |status| status.session_pending == 0));
    let tries = counted.load(std::sync::atomic::Ordering::Relaxed);
    assert!(tries < 20, "{tries} tries: each commit, or worse, made one");
    backend.set_online(true);
    let texts: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    check_converged(&backend, &[&other, &store], &texts.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Counts connections.
struct Counting(MemoryBackend, std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl SyncProvider for Counting {
    fn connect(&self, target: &SyncTarget, wake: std::task::Waker) -> Box<dyn SyncConnection> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.connect(target, wake)
    }
}

#[test]
fn a_client_that_hears_of_nothing_catches_up_when_its_push_is_refused() {
    let (backend, store) = in_sync(0);
    backend.inject(Fault::LosePage);
    append(&backend, "unheard");
    let other = client(&backend);
    wait_for_lines(&other, 1);
    write(&store, "b");
    check_converged(&backend, &[&store, &other], &["unheard", "b"]);
}

#[test]
fn an_event_that_is_too_large_is_refused_at_the_commit_and_blocks_nothing() {
    let (backend, store) = in_sync(0);
    let large = "x".repeat(900_001);
    assert!(store.commit(Written { text: large }).is_err());
    write(&store, "after");
    check_converged(&backend, &[&store], &["after"]);
}

#[test]
fn an_event_as_large_as_may_be_blocks_nothing() {
    let (backend, store) = in_sync(0);
    let large = "x".repeat(899_000);
    store.commit(Written { text: large.clone() }).unwrap();
    let receipt = write(&store, "after");
    assert_eq!(receipt.wait(std::time::Duration::from_secs(10)).unwrap().number.to_string(), "e2");
    check_converged(&backend, &[&store], &[&large, "after"]);
}

#[test]
fn a_foreign_event_that_does_not_materialize_stops_nothing_and_is_shown() {
    let (backend, store) = in_sync(0);
    append(&backend, "before");
    backend.append(STORE, "other", "v1.Written", Some("\"no text\""));
    backend.append(STORE, "other", "v9.Unknown", None);
    let receipt = write(&store, "after");
    assert_eq!(number(&receipt), "e4");
    wait_for_lines(&store, 2);
    assert_eq!(lines(&store), ["before", "after"]);
    let quarantined = store.status().quarantined;
    assert_eq!(quarantined.iter().map(|group| group.number.to_string()).collect::<Vec<_>>(), ["e2"]);
    assert!(store.wait_synced(LONG));
}

/// What is on disk when the process dies at this moment goes on as another one would find it.
fn check_killed(backend: &MemoryBackend, before: impl FnOnce(&Store<App>), texts: &[&str]) {
    let directory = Scratch::new("sync-killed");
    let store = open(native(directory.path()), backend);
    assert!(store.wait_synced(LONG));
    before(&store);
    let left = directory.copy();
    // Nothing of what the first one does from here on reaches the backend.
    backend.set_online(false);
    store.shutdown().unwrap();
    drop(store);
    backend.release();
    backend.set_online(true);
    check_converged(backend, &[&open(native(left.path()), backend)], texts);
}

#[test]
fn a_process_that_dies_before_its_push_arrives_pushes_again() {
    for backend in [MemoryBackend::new(), MemoryBackend::like_the_original()] {
        check_killed(
            &backend.clone(),
            |store| {
                backend.set_online(false);
                write(store, "a");
                write(store, "b").wait_durable(LONG).unwrap();
            },
            &["a", "b"],
        );
    }
}

#[test]
fn a_process_that_dies_after_its_push_arrived_finds_its_events() {
    for backend in [MemoryBackend::new(), MemoryBackend::like_the_original()] {
        check_killed(
            &backend.clone(),
            |store| {
                backend.hold();
                write(store, "a");
                write(store, "b").wait_durable(LONG).unwrap();
                while backend.head(STORE) == 0 {
                    std::thread::yield_now();
                }
            },
            &["a", "b"],
        );
    }
}

#[test]
fn an_event_without_args_is_recognised_where_it_comes_back_with_null() {
    let backend = MemoryBackend::like_the_original();
    check_killed(
        &backend.clone(),
        |store| {
            backend.hold();
            store.commit(Ruled).unwrap();
            write(store, "b").wait_durable(LONG).unwrap();
            while backend.head(STORE) == 0 {
                std::thread::yield_now();
            }
        },
        &["---", "b"],
    );
}
