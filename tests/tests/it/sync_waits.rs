//! What waits for a backend ends when it comes, and where it cannot come.

use livestore::*;
use livestore_tests::notes::*;
use livestore_tests::scratch::Scratch;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
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
