//! What a leader owes to receipts, streams and other processes when its log begins again, or a step was cut off.

use livestore::*;
use livestore_tests::notes::*;
use livestore_tests::scratch::Scratch;

fn with_policy(backend: &MemoryBackend, policy: OnOtherBackend) -> Store<App> {
    Store::builder(memory(), STORE).sync(backend.clone()).on_other_backend(policy).open().unwrap()
}

#[test]
fn the_receipt_of_what_is_kept_aside_ends() {
    let (backend, directory) = (MemoryBackend::new(), Scratch::new("kept-receipt"));
    let builder = Store::<App>::builder(native(directory.path()), STORE).sync(backend.clone());
    let store = builder.on_other_backend(OnOtherBackend::KeepAside).open().unwrap();
    write(&store, "1").wait(LONG).unwrap();
    backend.set_online(false);
    let kept = write(&store, "2");
    assert!(store.wait_sync(LONG, |status| status.pending == 1));
    backend.replace();
    backend.set_online(true);
    let error = kept.wait(LONG).unwrap_err();
    assert!(matches!(&error, WaitError::KeptAside { .. }), "{error}");
    assert_eq!((lines(&store), store.status().kept_aside.len()), (vec![], 1));
    // It goes on with the new one.
    write(&store, "3").wait(LONG).unwrap();
    assert_eq!((lines(&store), backend.head(STORE)), (vec!["3".to_owned()], 1));
}

#[test]
fn nothing_is_given_up_where_there_is_no_place_for_a_copy() {
    let backend = MemoryBackend::new();
    let store = with_policy(&backend, OnOtherBackend::KeepAside);
    write(&store, "1").wait(LONG).unwrap();
    backend.set_online(false);
    let pending = write(&store, "2");
    assert!(store.wait_sync(LONG, |status| status.pending == 1));
    backend.replace();
    backend.set_online(true);
    assert!(store.wait_sync(LONG, |status| matches!(status.state, SyncState::Stopped { .. })));
    assert_eq!((lines(&store), pending.poll()), (vec!["1".to_owned(), "2".to_owned()], None));
    assert_eq!(backend.head(STORE), 0);
}

#[test]
fn the_receipt_of_what_is_pending_again_ends() {
    for backend in [MemoryBackend::new(), MemoryBackend::like_the_original()] {
        let store = with_policy(&backend, OnOtherBackend::Rejoin);
        write(&store, "1").wait(LONG).unwrap();
        backend.set_online(false);
        let receipt = store.commit((Written { text: "2".into() }, Picked { what: "a".into() })).unwrap();
        assert!(store.wait_sync(LONG, |status| status.pending == 1));
        backend.replace();
        backend.append(STORE, "other", "v1.Written", Some(r#"{"text":"0"}"#));
        backend.set_online(true);
        let outcome = receipt.wait(LONG).unwrap();
        assert_eq!((outcome.number.to_string(), outcome.is_provisional), ("e3.1".to_owned(), false));
        assert_eq!(lines(&store), ["0", "1", "2"]);
    }
}

#[test]
fn a_stream_ends_where_the_log_begins_again() {
    let backend = MemoryBackend::new();
    let store = with_policy(&backend, OnOtherBackend::Rejoin);
    write(&store, "1");
    write(&store, "2").wait(LONG).unwrap();
    let mut stream = store.events::<Written>();
    let mut next = || stream.next_timeout(LONG).map(|event| event.map(|event| event.event.text));
    assert_eq!(next().unwrap().unwrap(), "1");
    assert_eq!(next().unwrap().unwrap(), "2");
    backend.replace();
    let error = next().unwrap().unwrap_err();
    assert_eq!(error.downcast_ref::<EventlogRestarted>(), Some(&EventlogRestarted), "{error}");
    assert!(next().is_none());
    // A new one gives all of it.
    write(&store, "3").wait(LONG).unwrap();
    let texts: Vec<_> = store.events::<Written>().until_now().map(|event| event.unwrap().event.text).collect();
    assert_eq!(texts, ["1", "2", "3"]);
}
