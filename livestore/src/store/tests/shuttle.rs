//! Whole stores in many orders of their threads: session and leader threads, callers, callbacks, the end of it all.

use crate::threads::{Builder, JoinHandle, explore};
use crate::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(1_000);

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

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        Item { id }.insert()
    }
}

fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().spawn(work).unwrap()
}

fn open(adapter: &MemoryAdapter) -> Store<App> {
    Store::open(adapter.clone(), "items").unwrap()
}

fn count(store: &Store<App>) -> i64 {
    store.query(&Item::query().count()).unwrap()
}

#[test]
fn sessions_open_commit_and_close_at_once() {
    explore(4, || {
        let adapter = memory();
        let kept = open(&adapter);
        let sessions: Vec<_> = (0..2)
            .map(|id| {
                let adapter = adapter.clone();
                spawn(move || {
                    let store = open(&adapter);
                    let receipt = store.commit(Added { id }).unwrap();
                    receipt.wait(LONG).unwrap();
                    assert!(count(&store) >= 1);
                })
            })
            .collect();
        sessions.into_iter().for_each(|session| session.join().unwrap());
        let last = kept.commit(Added { id: 9 }).unwrap();
        assert_eq!(last.wait(LONG).unwrap().number.global, 3);
        assert_eq!(count(&kept), 3);
        kept.shutdown().unwrap();
    });
}

#[test]
fn a_commit_during_a_shutdown_is_taken_or_refused() {
    explore(4, || {
        let store = open(&memory());
        let clone = store.clone();
        let committing = spawn(move || clone.commit(Added { id: 1 }));
        store.shutdown().unwrap();
        match committing.join().unwrap() {
            Ok(receipt) => assert!(matches!(receipt.wait(LONG), Ok(_) | Err(WaitError::Closed { .. }))),
            Err(CommitError::Closed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    });
}

#[test]
fn a_subscription_that_is_dropped_during_a_delivery_is_over() {
    explore(4, || {
        let adapter = memory();
        let (store, other) = (open(&adapter), open(&adapter));
        let (is_over, late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (over, counted) = (Arc::clone(&is_over), Arc::clone(&late));
        let subscription = store
            .subscribe(&Item::query().count(), move |_| {
                counted.fetch_add(usize::from(over.load(Ordering::SeqCst)), Ordering::SeqCst);
            })
            .unwrap();
        let committing =
            spawn(move || (0..2).for_each(|id| drop(other.commit(Added { id }).unwrap().wait(LONG).unwrap())));
        store.commit(Added { id: 9 }).unwrap();
        drop(subscription);
        is_over.store(true, Ordering::SeqCst);
        committing.join().unwrap();
        (20..23).for_each(|id| drop(store.commit(Added { id }).unwrap()));
        store.shutdown().unwrap();
        // One that had begun may run to its end.
        assert!(late.load(Ordering::SeqCst) <= 1);
    });
}

#[test]
fn changes_end_with_the_store() {
    explore(4, || {
        let store = open(&memory());
        let changes = store.changes(&Item::query().count()).unwrap();
        let reading = spawn(move || {
            let mut last = None;
            for count in changes {
                assert!(last < Some(*count), "{last:?} {count}");
                last = Some(*count);
            }
        });
        (0..2).for_each(|id| drop(store.commit(Added { id }).unwrap()));
        store.shutdown().unwrap();
        reading.join().unwrap();
    });
}

#[test]
fn what_is_synced_is_seen_by_whoever_waited_for_it() {
    explore(4, || {
        let backend = MemoryBackend::new();
        let store = Store::<App>::builder(memory(), "items").sync(backend.clone()).open().unwrap();
        let waiting = store.clone();
        let seen = spawn(move || {
            for number in 1..=4 {
                assert!(waiting.wait_sync(LONG, |status| status.synced >= number));
                assert!(count(&waiting) >= number as i64, "{number} is synced, and is not seen");
            }
        });
        let receipt = store.commit(Added { id: 1 }).unwrap();
        for id in 2..=4 {
            backend.append("items", "other", "v1.Added", Some(&format!("{{\"id\":{id}}}")));
        }
        assert!(!receipt.wait(LONG).unwrap().is_provisional);
        seen.join().unwrap();
        store.shutdown().unwrap();
    });
}
