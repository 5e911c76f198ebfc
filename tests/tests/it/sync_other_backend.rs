//! A backend that is not the one it was, and a store that had none.

use livestore::*;
use livestore_tests::notes::*;
use livestore_tests::scratch::Scratch;

fn with_policy(backend: &MemoryBackend, policy: OnOtherBackend) -> Store<App> {
    Store::builder(memory(), STORE).sync(backend.clone()).on_other_backend(policy).open().unwrap()
}

/// A client with two confirmed lines and, after the backend was changed in between, a pending one.
fn changed(policy: OnOtherBackend, change: impl FnOnce(&MemoryBackend)) -> (MemoryBackend, Store<App>) {
    let backend = MemoryBackend::new();
    let store = with_policy(&backend, policy);
    write(&store, "1");
    write(&store, "2");
    check_converged(&backend, &[&store], &["1", "2"]);
    backend.set_online(false);
    write(&store, "3");
    change(&backend);
    backend.set_online(true);
    (backend, store)
}

#[test]
fn a_replaced_backend_gets_what_it_does_not_hold() {
    let (backend, store) = changed(OnOtherBackend::Rejoin, MemoryBackend::replace);
    check_converged(&backend, &[&store], &["1", "2", "3"]);
    assert_eq!(lines(&store), ["1", "2", "3"]);
    assert_eq!(store.sync_status().backend_id, Some(backend.backend_id()));
    check_converged(&backend, &[&client(&backend)], &["1", "2", "3"]);
}

#[test]
fn what_a_replaced_backend_holds_comes_first() {
    let (backend, store) = changed(OnOtherBackend::Rejoin, |backend| {
        backend.replace();
        backend.append(STORE, "other", "v1.Written", Some(r#"{"text":"0"}"#));
    });
    check_converged(&backend, &[&store], &["0", "1", "2", "3"]);
    assert_eq!(lines(&store), ["0", "1", "2", "3"]);
}

#[test]
fn a_restored_backend_gets_what_it_lost() {
    let (backend, store) = changed(OnOtherBackend::Rejoin, |backend| backend.rewind(STORE, 1));
    check_converged(&backend, &[&store], &["1", "2", "3"]);
    assert_eq!(lines(&store), ["1", "2", "3"]);
}

#[test]
fn a_restored_backend_is_noticed_where_nothing_is_pending() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    write(&store, "1");
    write(&store, "2");
    check_converged(&backend, &[&store], &["1", "2"]);
    backend.rewind(STORE, 2);
    assert!(store.wait_sync(LONG, |_| backend.head(STORE) == 2), "{:?}", store.sync_status());
    check_converged(&backend, &[&store], &["1", "2"]);
}

#[test]
fn a_restored_backend_that_others_wrote_to_is_noticed() {
    let (backend, store) = changed(OnOtherBackend::Rejoin, |backend| {
        backend.rewind(STORE, 1);
        (0..3).for_each(|n| backend.append(STORE, "other", "v1.Written", Some(&format!("{{\"text\":\"x{n}\"}}"))));
    });
    check_converged(&backend, &[&store], &["1", "2", "3", "x0", "x1", "x2"]);
}

#[test]
fn a_new_backend_can_be_taken_alone_and_what_was_here_is_kept_aside() {
    let directory = Scratch::new("kept-aside");
    let backend = MemoryBackend::new();
    let open = || {
        let builder = Store::<App>::builder(native(directory.path()), STORE).sync(backend.clone());
        builder.on_other_backend(OnOtherBackend::KeepAside).open().unwrap()
    };
    let store = open();
    write(&store, "1");
    assert!(store.wait_synced(LONG));
    backend.set_online(false);
    write(&store, "pending").wait_durable(LONG).unwrap();
    backend.replace();
    backend.append(STORE, "other", "v1.Written", Some(r#"{"text":"new"}"#));
    backend.set_online(true);
    check_converged(&backend, &[&store], &["new"]);
    let kept = store.status().kept_aside;
    assert_eq!(kept.len(), 1, "{kept:?}");
    let copy = std::fs::read(&kept[0]).unwrap();
    for text in ["\"1\"", "\"pending\""] {
        assert!(copy.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "{text} is in the copy");
    }
    write(&store, "goes on");
    check_converged(&backend, &[&store], &["new", "goes on"]);
}

#[test]
fn a_single_page_under_a_strange_id_loses_nothing() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    write(&store, "1");
    check_converged(&backend, &[&store], &["1"]);
    backend.inject(Fault::OtherBackendId);
    write(&store, "2");
    assert!((0..150).any(|_| store.wait_synced(LONG / 150) && backend.head(STORE) == 2 && backend.faults() == 0));
    check_converged(&backend, &[&store], &["1", "2"]);
    assert_eq!(store.sync_status().backend_id, Some(backend.backend_id()));
}

#[test]
fn a_store_can_stop_at_another_backend() {
    let (backend, store) = changed(OnOtherBackend::Stop, MemoryBackend::replace);
    let is_stopped = |status: &SyncStatus| matches!(status.state, SyncState::Stopped { .. });
    assert!(!store.wait_synced(std::time::Duration::ZERO));
    assert!(store.wait_sync(LONG, is_stopped), "{:?}", store.sync_status());
    write(&store, "4");
    assert_eq!(lines(&store), ["1", "2", "3", "4"]);
    assert_eq!(backend.events(STORE), [], "nothing went to the stranger");
}

#[test]
fn a_store_that_lived_alone_gets_a_backend() {
    for backend in [MemoryBackend::new(), MemoryBackend::like_the_original()] {
        backend.append(STORE, "other", "v1.Written", Some(r#"{"text":"theirs"}"#));
        let directory = Scratch::new("lived-alone");
        let alone = Store::<App>::open(native(directory.path()), STORE).unwrap();
        assert_eq!(alone.sync_status().state, SyncState::Off);
        let outcome = write(&alone, "mine").wait(LONG).unwrap();
        assert!(outcome.is_provisional);
        alone.commit(Picked { what: "canary".into() }).unwrap();
        write(&alone, "mine too");
        alone.shutdown().unwrap();
        drop(alone);
        let store = open(native(directory.path()), &backend);
        check_converged(&backend, &[&store], &["theirs", "mine", "mine too"]);
        assert_eq!(lines(&store), ["theirs", "mine", "mine too"]);
        assert_eq!(picks(&store), ["canary"]);
        assert!(!backend.contains("canary"));
    }
}

/// Clients of different policies may bring a session's events back in another order than it committed them.
#[test]
fn a_log_in_which_a_session_is_out_of_order_goes_to_another_backend() {
    let event = |number: u64, ordinal: u64| -> SyncEvent {
        let (id, args) = (format!("937a491759dced4d214011{ordinal:010x}"), format!("{{\"text\":\"{ordinal}\"}}"));
        let event = serde_json::json!({
            "number": number, "parent": number - 1, "name": "v1.Written", "args": args,
            "clientId": "other", "sessionId": "other-session", "id": id, "rest": 0,
        });
        serde_json::from_value(event).unwrap()
    };
    let backend = MemoryBackend::new();
    backend.replace_with_log(STORE, vec![event(1, 2), event(2, 1)]).unwrap();
    let store = client(&backend);
    check_converged(&backend, &[&store], &["1", "2"]);
    assert_eq!(lines(&store), ["2", "1"]);
    backend.replace();
    assert!(
        store.wait_sync(LONG, |_| backend.head(STORE) == 2),
        "{:?} {:?}",
        store.sync_status(),
        store.status().leader
    );
    check_converged(&backend, &[&store], &["1", "2"]);
    assert_eq!(lines(&store), ["2", "1"]);
}
