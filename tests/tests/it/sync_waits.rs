//! What waits for a backend ends when it comes, and where it cannot come.

use futures_core::Stream;
use livestore::*;
use livestore_tests::notes::*;
use livestore_tests::scratch::Scratch;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

struct Counting(MemoryBackend, Arc<AtomicUsize>);

impl SyncProvider for Counting {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.connect(target, wake)
    }
}

/// A wait that is not to be waited out.
const FOR_EVER: Duration = Duration::from_secs(3_600);

fn is_stopped(status: &SyncStatus) -> bool {
    matches!(status.state, SyncState::Stopped { .. })
}

#[test]
fn the_order_in_which_a_store_is_told_how_to_sync_does_not_matter() {
    let backend = MemoryBackend::new();
    let builder = Store::<App>::builder(memory(), STORE).on_other_backend(OnOtherBackend::Stop);
    let store = builder.initial_sync(InitialSync::Blocking(LONG)).sync(backend.clone()).open().unwrap();
    assert_eq!(store.sync_status().state, SyncState::Live, "the open waited");
    write(&store, "1");
    assert!(store.wait_synced(LONG));
    backend.replace();
    assert!(store.wait_sync(LONG, is_stopped), "{:?}", store.sync_status());
    assert_eq!(backend.events(STORE), []);
}

#[test]
fn how_to_sync_means_nothing_without_a_provider() {
    let builder = Store::<App>::builder(memory(), STORE).on_other_backend(OnOtherBackend::Stop);
    let store = builder.initial_sync(InitialSync::Blocking(FOR_EVER)).open().unwrap();
    assert_eq!(store.sync_status().state, SyncState::Off);
}

#[test]
fn nobody_waits_where_sync_is_off_or_stopped() {
    let alone = Store::<App>::open(memory(), STORE).unwrap();
    assert!(!alone.wait_synced(FOR_EVER));

    let backend = MemoryBackend::new();
    let builder = Store::<App>::builder(memory(), STORE).sync(backend.clone());
    let store = builder.on_other_backend(OnOtherBackend::Stop).open().unwrap();
    write(&store, "1");
    assert!(store.wait_synced(LONG));
    let waiting = store.clone();
    backend.set_online(false);
    write(&store, "2");
    let waiter = std::thread::spawn(move || waiting.wait_synced(FOR_EVER));
    backend.replace();
    backend.set_online(true);
    assert!(!waiter.join().unwrap(), "it stopped while somebody waited");
    assert!(is_stopped(&store.sync_status()));
    assert!(!store.wait_synced(FOR_EVER), "and before");
}

#[test]
fn a_store_that_is_not_let_in_opens_at_once() {
    let backend = MemoryBackend::new();
    backend.refuse_auth(Some("no token"));
    let builder = Store::<App>::builder(memory(), STORE).initial_sync(InitialSync::Blocking(FOR_EVER));
    let store = builder.sync(backend).open().unwrap();
    assert_eq!(store.sync_status().last_error, Some(SyncError::Unauthorized { reason: "no token".into() }));
}

#[test]
fn who_waits_is_not_kept_waiting_by_the_pause_before_a_retry() {
    let backend = MemoryBackend::new();
    backend.refuse_auth(Some("not yet"));
    let tries = Arc::new(AtomicUsize::new(0));
    let provider = Counting(backend.clone(), Arc::clone(&tries));
    let store = Store::<App>::builder(memory(), STORE).sync(provider).open().unwrap();
    write(&store, "1");
    let waiting = store.clone();
    let waiter = std::thread::spawn(move || waiting.wait_synced(FOR_EVER));
    // The pauses alone would take more than half a minute for so many.
    let has_tried = || tries.load(Ordering::Relaxed) >= 5;
    assert!((0..300).any(|_| store.wait_sync(LONG / 300, |_| has_tried())), "{tries:?}");
    backend.refuse_auth(None);
    assert!(waiter.join().unwrap());
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Whoever shows the status need not ask for it again and again.
#[test]
fn changes_of_the_sync_status_are_told_until_the_store_closes() {
    let backend = MemoryBackend::new();
    let store = client(&backend);
    assert!(store.wait_synced(LONG));
    let mut changes = store.sync_changes();
    assert_eq!(changes.next(), Some(store.sync_status()), "the present one first");
    assert_eq!(changes.try_next(), None);
    let (mut stream, mut iterator) = (store.sync_changes(), store.sync_changes());
    let watched = std::thread::spawn(move || iterator.by_ref().map(|status| status.synced).collect::<Vec<_>>());
    write(&store, "1").wait(LONG).unwrap();
    assert!(changes.any(|status| status.synced == 1 && status.is_synced()));
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let polled = loop {
        match Pin::new(&mut stream).poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(Some(status)) if status.synced == 0 => {}
            Poll::Ready(status) => break status,
            Poll::Pending => std::thread::park(),
        }
    };
    assert_eq!(polled.map(|status| status.synced), Some(1));
    store.shutdown().unwrap();
    assert_eq!(changes.next(), None);
    assert_eq!(watched.join().unwrap().last(), Some(&1));
}

/// A second session of one client brings what the first did not.
#[test]
fn a_session_that_comes_later_brings_the_provider() {
    let directory = Scratch::new("brings-provider");
    let adapter = memory();
    let here = || native(directory.path());
    let backend = MemoryBackend::new();
    let alone: [Store<App>; 2] = [Store::open(adapter.clone(), STORE).unwrap(), Store::open(here(), STORE).unwrap()];
    alone.iter().for_each(|store| {
        assert!(write(store, "before").wait(LONG).unwrap().is_provisional);
        assert_eq!(store.sync_status().state, SyncState::Off);
    });
    let synced = [open(adapter, &backend), open(here(), &backend)];
    for (alone, synced) in alone.iter().zip(&synced) {
        assert!(alone.wait_synced(LONG), "{:?}", alone.sync_status());
        assert!(!write(alone, "after").wait(LONG).unwrap().is_provisional);
        assert!(synced.wait_synced(LONG));
    }
    assert_eq!(backend.head(STORE), 4);
    // Their own leader goes on with it when they are gone.
    drop(synced);
    write(&alone[1], "later");
    assert!(alone[1].wait_synced(LONG));
    assert_eq!(backend.head(STORE), 5);
}
