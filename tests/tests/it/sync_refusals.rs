//! What a backend refuses, and whom.

use livestore::*;
use livestore_tests::notes::*;

fn rejecting(backend: MemoryBackend) -> MemoryBackend {
    let is_bad = |event: &SyncEvent| event.args.as_ref().is_some_and(|args| args.contains("bad"));
    backend.on_push(move |event| if is_bad(event) { Err("not that word".into()) } else { Ok(()) });
    backend
}

#[test]
fn a_rejected_event_does_not_block_those_after_it() {
    for backend in [MemoryBackend::new(), MemoryBackend::like_the_original()].map(rejecting) {
        let (alice, bob) = (client(&backend), client(&backend));
        let before = write(&alice, "before");
        let bad = write(&alice, "bad");
        let after = write(&alice, "after");
        assert!(before.wait(LONG).is_ok() && after.wait(LONG).is_ok());
        match bad.wait(LONG) {
            Err(WaitError::Rejected { reason }) => assert!(reason.contains("not that word"), "{reason}"),
            other => panic!("{other:?}"),
        }
        check_converged(&backend, &[&alice, &bob], &["before", "after"]);
        let rejected = alice.sync_status().rejected;
        let shown: Vec<_> = rejected.iter().map(|group| (&*group.event, group.events, Some(group.id))).collect();
        assert_eq!(shown, [("v1.Written", 1, bad.first_event())]);
        assert_eq!(bob.sync_status().rejected, []);
    }
}

#[test]
fn a_rejected_event_takes_its_commit_group_with_it() {
    let backend = rejecting(MemoryBackend::new());
    let store = client(&backend);
    let group = ["good", "bad", "good too"].map(|text| Written { text: text.into() });
    let receipt = store.commit(group).unwrap();
    write(&store, "after");
    assert!(matches!(receipt.wait(LONG), Err(WaitError::Rejected { .. })));
    check_converged(&backend, &[&store], &["after"]);
    assert_eq!(store.sync_status().rejected[0].events, 3);
}

#[test]
fn every_session_of_the_client_loses_a_rejected_event_from_state() {
    let backend = rejecting(MemoryBackend::new());
    let adapter = memory();
    let (one, two) = (open(adapter.clone(), &backend), open(adapter, &backend));
    let receipt = write(&one, "bad");
    assert!(matches!(receipt.wait(LONG), Err(WaitError::Rejected { .. })));
    write(&two, "good");
    check_converged(&backend, &[&one, &two], &["good"]);
}

#[test]
fn many_rejected_events_are_all_told() {
    let backend = rejecting(MemoryBackend::new());
    let store = client(&backend);
    let receipts: Vec<_> =
        (0..20).map(|n| write(&store, &format!("{}{n}", if n % 2 == 0 { "bad" } else { "ok" }))).collect();
    for (index, receipt) in receipts.iter().enumerate() {
        assert_eq!(receipt.wait(LONG).is_ok(), index % 2 == 1, "{index}");
    }
    let kept: Vec<String> = (0..20).filter(|n| n % 2 == 1).map(|n| format!("ok{n}")).collect();
    check_converged(&backend, &[&store], &kept.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(store.sync_status().rejected.len(), 10);
}

#[test]
fn refused_auth_is_shown_and_heals() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    write(&store, "a");
    assert!(store.wait_synced(LONG));
    backend.refuse_auth(Some("the token expired"));
    let receipt = write(&store, "b");
    let refused = SyncError::Unauthorized { reason: "the token expired".into() };
    assert!(store.wait_sync(LONG, |status| status.last_error.as_ref() == Some(&refused)), "{:?}", store.sync_status());
    assert!(store.wait_sync(LONG, |status| status.next_retry_ms.is_some() && status.pending == 1));
    assert_eq!(receipt.poll(), None);
    backend.refuse_auth(None);
    check_converged(&backend, &[&store], &["a", "b"]);
    assert_eq!(store.sync_status().last_error, None);
}

#[test]
fn being_offline_is_shown_and_heals() {
    let backend = MemoryBackend::new();
    backend.set_online(false);
    let store = client(&backend);
    write(&store, "a");
    let is_offline = |status: &SyncStatus| matches!(status.last_error, Some(SyncError::Offline { .. }));
    assert!(store.wait_sync(LONG, |status| is_offline(status) && status.state == SyncState::Waiting));
    backend.set_online(true);
    check_converged(&backend, &[&store], &["a"]);
    assert_eq!(store.sync_status().last_error, None);
}

#[test]
fn every_message_decodes_to_what_was_encoded() {
    let refusals = [
        PushRefusal::ServerAhead { head: 7 },
        PushRefusal::Rejected { number: 7, reason: "no".into() },
        PushRefusal::OtherBackend { found: BackendId::new("another") },
        PushRefusal::Busy { reason: "full".into() },
    ];
    let errors = [
        SyncError::Offline { reason: "cut".into() },
        SyncError::Unauthorized { reason: "old".into() },
        SyncError::Protocol { reason: "odd".into() },
    ];
    let refused = refusals.map(SyncMessage::PushRefused);
    let ended = errors.map(SyncMessage::Disconnected);
    let plain = [SyncMessage::Connected, SyncMessage::Pushed, SyncMessage::Pong];
    for message in refused.into_iter().chain(ended).chain(plain) {
        let text = serde_json::to_string(&message).unwrap();
        let decoded: SyncMessage = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(decoded, message);
    }
}
