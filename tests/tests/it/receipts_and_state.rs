//! Whoever is told what became of a commit finds state so: no second look is needed.

use livestore::*;
use livestore_tests::notes::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Two sessions of a client that nobody but the test pumps: `first` takes nothing by itself.
fn pumped(backend: Option<&MemoryBackend>) -> (Store<App>, Store<App>) {
    let adapter = memory();
    let open = || {
        let builder = Store::<App>::builder(adapter.clone(), STORE).pumped();
        match backend {
            Some(backend) => builder.sync(backend.clone()).open().unwrap(),
            None => builder.open().unwrap(),
        }
    };
    (open(), open())
}

/// Pumps the leader through the other session, until the time is over.
fn pump_through(other: &Store<App>, last_ms: u64) {
    for ms in 0..last_ms {
        other.pump(Duration::from_millis(ms));
    }
}

fn poll_once(receipt: &Receipt) -> Option<Result<Outcome, WaitError>> {
    match Pin::new(&mut receipt.clone()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(told) => Some(told),
        Poll::Pending => None,
    }
}

fn refusing() -> MemoryBackend {
    let backend = MemoryBackend::new();
    let is_bad = |event: &SyncEvent| event.args.as_ref().is_some_and(|args| args.contains("bad"));
    backend.on_push(move |event| if is_bad(event) { Err("no".into()) } else { Ok(()) });
    backend
}

/// Every way to be told.
fn ways() -> [fn(&Receipt) -> bool; 3] {
    [
        |receipt| receipt.wait(Duration::ZERO).is_ok(),
        |receipt| receipt.poll().is_some(),
        |receipt| poll_once(receipt).is_some_and(|told| told.is_ok()),
    ]
}

#[test]
fn who_hears_of_a_place_sees_what_came_before_it() {
    for is_told in ways() {
        let (first, second) = pumped(None);
        write(&second, "theirs");
        let receipt = write(&first, "mine");
        assert!(!is_told(&receipt));
        pump_through(&second, 20);
        assert_eq!(lines(&first), ["mine"], "it was told nothing");
        assert!(is_told(&receipt));
        assert_eq!(lines(&first), ["theirs", "mine"]);
        assert_eq!(receipt.poll().unwrap().number.to_string(), "e2");
    }
}

#[test]
fn who_hears_that_a_commit_was_quarantined_does_not_see_it() {
    let (first, second) = pumped(None);
    let claim = |store: &Store<App>| store.commit(Claimed { name: "a".into() }).unwrap();
    write(&second, "theirs");
    claim(&second);
    let receipt = claim(&first);
    pump_through(&second, 20);
    assert!(receipt.wait(Duration::ZERO).unwrap().quarantined.is_some());
    assert_eq!((lines(&first), first.query(&Name::query().count()).unwrap()), (vec!["theirs".to_owned()], 1));
}

#[test]
fn who_hears_of_a_rejection_does_not_see_the_commit() {
    let is_rejected: [fn(&Receipt) -> bool; 2] = [
        |receipt| matches!(receipt.wait(Duration::ZERO), Err(WaitError::Rejected { .. })),
        |receipt| matches!(poll_once(receipt), Some(Err(WaitError::Rejected { .. }))),
    ];
    for is_told in is_rejected {
        let backend = refusing();
        let (first, second) = pumped(Some(&backend));
        pump_through(&second, 20);
        let receipt = write(&first, "bad");
        pump_through(&second, 50);
        assert_eq!(lines(&first), ["bad"], "it was told nothing");
        assert!(is_told(&receipt));
        assert_eq!(lines(&first), [""; 0]);
    }
}

/// A session's own thread stands still in a callback: nothing comes to state but what a call takes itself.
fn stop_worker(store: &Store<App>, other: &Store<App>) -> (Subscription, Sender<()>) {
    let ((go_on, gate), (standing, stands)): ((_, Receiver<()>), _) = (channel(), channel());
    let subscription = store
        .subscribe(&Line::query().count(), move |_| {
            if std::thread::current().name() == Some("livestore-session") {
                standing.send(()).unwrap();
                let _ = gate.recv(); // Ends with the test.
            }
        })
        .unwrap();
    write(other, "for the worker");
    stands.recv_timeout(LONG).unwrap();
    (subscription, go_on)
}

#[test]
fn with_threads_too_state_is_as_the_receipt_says() {
    let backend = refusing();
    let adapter = memory();
    let (first, second) = (open(adapter.clone(), &backend), open(adapter, &backend));
    let (_subscription, _gate) = stop_worker(&first, &second);
    let bad = write(&first, "bad");
    let good = write(&first, "good");
    assert!(matches!(bad.wait(LONG), Err(WaitError::Rejected { .. })));
    assert_eq!(lines(&first), ["for the worker", "good"]);
    assert_eq!(good.wait(LONG).unwrap().number.to_string(), "e2");
}

#[test]
fn who_hears_that_all_is_synced_sees_it() {
    let backend = MemoryBackend::new();
    let adapter = memory();
    let (first, second) = (open(adapter.clone(), &backend), open(adapter, &backend));
    let (_subscription, _gate) = stop_worker(&first, &second);
    for round in 0..50_u64 {
        write(&second, "theirs");
        if round % 2 == 0 {
            assert!(first.wait_sync(LONG, |status| status.synced == round + 2), "{:?}", first.sync_status());
        } else {
            let seen = || second.sync_status().synced == round + 2;
            assert!(second.wait_sync(LONG, |_| seen()) && first.wait_synced(LONG));
        }
        assert_eq!(lines(&first).len() as u64, round + 2);
    }
}

#[test]
fn waiting_for_a_session_that_lags_does_not_spin() {
    let backend = MemoryBackend::new();
    let (store, other) = pumped(Some(&backend));
    pump_through(&other, 20);
    assert!(store.wait_synced(Duration::ZERO));
    // The leader has everything; the session has not handed this over, and nobody pumps.
    write(&store, "waits");
    let looks = std::cell::Cell::new(0);
    let waited = store.wait_sync(Duration::from_millis(300), |status| {
        looks.set(looks.get() + 1);
        status.is_synced()
    });
    assert!(!waited && looks.get() < 10, "{} looks", looks.get());
    // It hears of it when it is handed over.
    let pumping = std::thread::spawn(move || pump_through(&other, 10_000));
    assert!(store.wait_synced(LONG));
    assert_eq!(lines(&store), ["waits"]);
    pumping.join().unwrap();
}
