//! Sync over restarts, and how opening and status tell of it.

use livestore::*;
use livestore_tests::notes::*;
use livestore_tests::scratch::Scratch;
use std::time::Duration;

#[test]
fn what_is_pending_survives_a_restart() {
    for backend in [MemoryBackend::new(), MemoryBackend::like_the_original()] {
        let directory = Scratch::new("sync-restart");
        let store = open(native(directory.path()), &backend);
        write(&store, "1");
        assert!(store.wait_synced(LONG));
        backend.set_online(false);
        write(&store, "2");
        store.commit([Written { text: "3".into() }, Written { text: "4".into() }]).unwrap();
        store.shutdown().unwrap();
        drop(store);
        backend.append(STORE, "other", "v1.Written", Some(r#"{"text":"theirs"}"#));

        let store = open(native(directory.path()), &backend);
        assert_eq!(lines(&store), ["1", "2", "3", "4"], "also before the backend is back");
        assert_eq!(store.sync_status().pending, 3);
        backend.set_online(true);
        check_converged(&backend, &[&store], &["1", "theirs", "2", "3", "4"]);
        assert_eq!(lines(&store), ["1", "theirs", "2", "3", "4"]);
    }
}

#[test]
fn an_answer_that_a_restart_lost_is_found_out() {
    for backend in [MemoryBackend::new(), MemoryBackend::like_the_original()] {
        let directory = Scratch::new("sync-lost-answer");
        let store = open(native(directory.path()), &backend);
        assert!(store.wait_synced(LONG));
        backend.hold();
        write(&store, "1");
        // The push is applied, and the store does not hear of it before it ends.
        while backend.head(STORE) == 0 {
            std::thread::yield_now();
        }
        store.shutdown().unwrap();
        drop(store);
        backend.release();
        let store = open(native(directory.path()), &backend);
        check_converged(&backend, &[&store], &["1"]);
    }
}

#[test]
fn a_store_can_wait_for_its_backend_before_it_opens() {
    let backend = MemoryBackend::new();
    (0..250).for_each(|n| backend.append(STORE, "other", "v1.Written", Some(&format!("{{\"text\":\"{n}\"}}"))));
    let builder = Store::<App>::builder(memory(), STORE).sync(backend);
    let store = builder.initial_sync(InitialSync::Blocking(LONG)).open().unwrap();
    assert_eq!(lines(&store).len(), 250, "all of it is there at once");
}

#[test]
fn waiting_for_an_absent_backend_ends_and_the_store_opens() {
    let backend = MemoryBackend::new();
    backend.set_online(false);
    let builder = Store::<App>::builder(memory(), STORE).sync(backend.clone());
    let store = builder.initial_sync(InitialSync::Blocking(Duration::from_millis(50))).open().unwrap();
    write(&store, "a");
    assert_eq!(lines(&store), ["a"]);
    backend.set_online(true);
    check_converged(&backend, &[&store], &["a"]);
}

#[test]
fn the_status_tells_both_hops() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    assert!(store.wait_synced(LONG));
    let status = store.sync_status();
    assert_eq!((status.session_pending, status.pending, status.synced), (0, 0, 0));
    assert_eq!((&status.state, status.keeps_identity), (&SyncState::Live, true));
    assert_eq!(status.backend_id, Some(backend.backend_id()));
    backend.set_online(false);
    (0..3).for_each(|n| drop(write(&store, &n.to_string())));
    let all_wait = |status: &SyncStatus| status.session_pending == 0 && status.pending == 3;
    assert!(store.wait_sync(LONG, all_wait), "{:?}", store.sync_status());
    assert!(store.wait_sync(LONG, |status| status.state == SyncState::Waiting && status.next_retry_ms.is_some()));
    assert!(!store.wait_synced(Duration::ZERO));
    backend.set_online(true);
    assert!(store.wait_synced(LONG));
    let status = store.sync_status();
    assert_eq!((status.session_pending, status.pending, status.synced), (0, 0, 3));
    assert_eq!((status.last_error, status.next_retry_ms), (None, None));
}

#[test]
fn a_closed_store_leaves_its_backend() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    assert!(store.wait_synced(LONG));
    assert_eq!(backend.connections(), 1);
    store.shutdown().unwrap();
    drop(store);
    assert_eq!(backend.connections(), 0);
}

#[test]
fn two_sessions_of_a_directory_go_on_when_the_leading_one_ends() {
    let backend = MemoryBackend::new();
    let directory = Scratch::new("sync-handover");
    let first = open(native(directory.path()), &backend);
    let second = open(native(directory.path()), &backend);
    write(&first, "1");
    write(&second, "2");
    check_converged(&backend, &[&first, &second], &["1", "2"]);
    backend.set_online(false);
    write(&first, "3");
    write(&second, "4");
    first.shutdown().unwrap();
    drop(first);
    write(&second, "5");
    backend.set_online(true);
    check_converged(&backend, &[&second], &["1", "2", "3", "4", "5"]);
    assert_eq!(backend.connections(), 1);
}
