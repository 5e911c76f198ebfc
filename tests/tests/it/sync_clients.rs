//! Clients that share a log: what one commits, all come to, in one order.

use livestore::*;
use livestore_tests::notes::*;

fn backends() -> [MemoryBackend; 2] {
    [MemoryBackend::new(), MemoryBackend::like_the_original()]
}

#[test]
fn two_clients_follow_each_other() {
    for backend in backends() {
        let (alice, bob) = (client(&backend), client(&backend));
        for (number, store) in [&alice, &bob, &alice, &bob].into_iter().enumerate() {
            write(store, &number.to_string());
            wait_for_lines(&alice, number + 1);
            wait_for_lines(&bob, number + 1);
        }
        check_converged(&backend, &[&alice, &bob], &["0", "1", "2", "3"]);
        assert_eq!(lines(&alice), ["0", "1", "2", "3"]);
    }
}

#[test]
fn what_was_committed_offline_on_both_sides_comes_together() {
    for backend in backends() {
        let (alice, bob) = (client(&backend), client(&backend));
        write(&alice, "a0");
        check_converged(&backend, &[&alice, &bob], &["a0"]);
        backend.set_online(false);
        for text in ["a1", "a2", "a3"] {
            write(&alice, text);
        }
        for text in ["b1", "b2"] {
            write(&bob, text);
        }
        assert_eq!(lines(&alice), ["a0", "a1", "a2", "a3"], "an offline client sees what it commits");
        assert_eq!(lines(&bob), ["a0", "b1", "b2"]);
        assert_eq!(backend.head(STORE), 1);
        backend.set_online(true);
        check_converged(&backend, &[&alice, &bob], &["a0", "a1", "a2", "a3", "b1", "b2"]);
        check_kept_order(&lines(&bob));
    }
}

/// Each client's own lines come in the order in which it committed them.
fn check_kept_order(lines: &[String]) {
    for who in ["a", "b", "c"] {
        let own: Vec<u32> = lines.iter().filter_map(|line| line.strip_prefix(who)?.parse().ok()).collect();
        assert!(own.is_sorted(), "{lines:?}");
    }
}

#[test]
fn clients_that_commit_at_once_all_come_through() {
    for backend in backends() {
        let stores = [client(&backend), client(&backend), client(&backend)];
        let texts: Vec<String> =
            ["a", "b", "c"].iter().flat_map(|who| (0..30).map(move |n| format!("{who}{n}"))).collect();
        std::thread::scope(|scope| {
            for (store, texts) in stores.iter().zip(texts.chunks(30)) {
                scope.spawn(move || texts.iter().for_each(|text| drop(write(store, text))));
            }
        });
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        check_converged(&backend, &[&stores[0], &stores[1], &stores[2]], &texts);
        check_kept_order(&lines(&stores[0]));
    }
}

#[test]
fn a_receipt_is_confirmed_when_the_backend_has_the_event() {
    let backend = MemoryBackend::new();
    backend.append(STORE, "other", "v1.Written", Some(r#"{"text":"first"}"#));
    let store = client(&backend);
    let outcome = write(&store, "second").wait(LONG).unwrap();
    assert_eq!((outcome.number.to_string().as_str(), outcome.is_provisional), ("e2", false));
    assert_eq!(outcome.quarantined, None);
    assert_eq!(logged(&backend), ["first", "second"]);
}

#[test]
fn a_receipt_waits_while_the_backend_is_away() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    assert!(store.wait_synced(LONG));
    backend.set_online(false);
    let receipt = write(&store, "a");
    assert!(receipt.wait_durable(LONG).is_ok(), "it is safe all the same");
    assert_eq!(receipt.poll(), None);
    backend.set_online(true);
    assert!(store.wait_synced(LONG));
    assert!(!receipt.wait(LONG).unwrap().is_provisional);
}

#[test]
fn a_commit_group_is_seen_whole_by_others() {
    for backend in backends() {
        let (alice, bob) = (client(&backend), client(&backend));
        let mut counts = bob.changes(&query_db(Line::query().count())).unwrap();
        for group in 0..20 {
            let texts = (0..3).map(|n| Written { text: format!("{group}-{n}") });
            alice.commit(texts.collect::<Vec<_>>()).unwrap();
        }
        let keeps_groups = backend.events(STORE).iter().all(|event| event.rest.is_some());
        let mut count = 0;
        while count < 60 {
            count = *counts.next_timeout(LONG).expect("the lines arrive");
            assert!(!keeps_groups || count % 3 == 0, "{count} lines: a group was torn");
        }
        let rests: Vec<_> = backend.events(STORE).iter().map(|event| event.rest).collect();
        let whole = [Some(2), Some(1), Some(0)].repeat(20);
        assert_eq!(rests, if bob.sync_status().keeps_identity { whole } else { vec![None; 60] });
    }
}

#[test]
fn a_large_group_goes_whole() {
    let backend = MemoryBackend::new();
    let (alice, bob) = (client(&backend), client(&backend));
    let texts: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    alice.commit(texts.iter().map(|text| Written { text: text.clone() }).collect::<Vec<_>>()).unwrap();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    check_converged(&backend, &[&alice, &bob], &texts);
    assert_eq!(backend.events(STORE)[0].rest, Some(999));
}

#[test]
fn what_is_of_a_client_stays_with_it_and_reaches_its_sessions() {
    for backend in backends() {
        let adapter = memory();
        let (one, two) = (open(adapter.clone(), &backend), open(adapter, &backend));
        let other = client(&backend);
        one.commit(Picked { what: "canary-1".into() }).unwrap();
        one.commit(View::set().search("canary-2".into())).unwrap();
        write(&one, "synced");
        one.commit((Picked { what: "canary-3".into() }, Written { text: "with it".into() })).unwrap();
        check_converged(&backend, &[&one, &two, &other], &["synced", "with it"]);
        wait_until(&two, &query_db(View::get()), |view| view.search == "canary-2");
        let canaries = ["canary", "Picked", "viewSet"];
        assert!(canaries.iter().all(|text| !backend.contains(text)), "{backend:?}");
        assert!(backend.contains("synced"), "what it did receive is found");
        assert_eq!(picks(&one), ["canary-1", "canary-3"]);
        assert_eq!((picks(&two), picks(&other)), (picks(&one), vec![]));
        assert_eq!(other.query(&View::get()).unwrap().search, "");
    }
}

#[test]
fn client_only_commits_are_confirmed_while_nothing_before_them_waits() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    assert!(store.wait_synced(LONG));
    backend.set_online(false);
    let picked = store.commit(Picked { what: "a".into() }).unwrap();
    assert!(picked.wait(LONG).is_ok(), "nobody else is asked");
    let written = write(&store, "b");
    let behind = store.commit(Picked { what: "c".into() }).unwrap();
    assert!(written.wait_durable(LONG).is_ok() && behind.wait_durable(LONG).is_ok());
    assert_eq!((written.poll(), behind.poll()), (None, None));
    backend.set_online(true);
    assert!(store.wait_synced(LONG));
    assert!(behind.wait(LONG).is_ok());
}

#[test]
fn sessions_of_one_client_share_its_connection() {
    let backend = MemoryBackend::new();
    let adapter = memory();
    let (one, two) = (open(adapter.clone(), &backend), open(adapter, &backend));
    write(&one, "1");
    write(&two, "2");
    check_converged(&backend, &[&one, &two], &["1", "2"]);
    assert_eq!(backend.connections(), 1);
    assert_eq!(one.client_id(), two.client_id());
    let sessions: Vec<_> = backend.events(STORE).into_iter().map(|event| event.session_id).collect();
    assert!(sessions.contains(&one.session_id().to_string()) && sessions.contains(&two.session_id().to_string()));
}

#[test]
fn a_group_that_fails_at_its_place_is_quarantined_everywhere_and_pushed_all_the_same() {
    let backend = MemoryBackend::new();
    let (alice, bob) = (client(&backend), client(&backend));
    assert!(alice.wait_synced(LONG) && bob.wait_synced(LONG));
    backend.set_online(false);
    let first = alice.commit(Claimed { name: "x".into() }).unwrap();
    let second = bob.commit((Claimed { name: "x".into() }, Written { text: "mine".into() })).unwrap();
    backend.set_online(true);
    assert!(alice.wait_synced(LONG) && bob.wait_synced(LONG));
    let (first, second) = (first.wait(LONG).unwrap(), second.wait(LONG).unwrap());
    assert_eq!(u8::from(first.quarantined.is_some()) + u8::from(second.quarantined.is_some()), 1);
    assert_eq!(backend.head(STORE), 3);
    let lines_expected = i64::from(second.quarantined.is_none());
    for store in [&alice, &bob] {
        assert!(store.wait_sync(LONG, |status| status.synced == 3));
        wait_until(store, &query_db(Line::query().count()), |count| *count == lines_expected);
        assert_eq!(store.query(&Name::query().count()).unwrap(), 1);
    }
    write(&bob, "after");
    assert!(bob.wait_synced(LONG));
    wait_for_lines(&alice, lines_expected as usize + 1);
}
