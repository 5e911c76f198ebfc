//! What a subscriber may do in its callback: everything, for no lock is held.

use livestore::*;
use livestore_tests::items::{self, Added, App, Item, add};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

fn open() -> Store<App> {
    items::open("live-callbacks")
}

fn count() -> LiveQuery<i64> {
    query_db(Item::query().count())
}

#[test]
fn a_callback_queries_and_commits() {
    let store = open();
    let (told, heard) = mpsc::channel();
    let inner = store.clone();
    let _subscription = store
        .subscribe(&count(), move |n| {
            // Head and result belong together, on one thread.
            assert_eq!(inner.query(&Item::query().count()).unwrap(), **n);
            if **n < 5 {
                add(&inner, **n);
                assert_eq!(inner.query(&Item::query().count()).unwrap(), **n + 1);
            }
            told.send(**n).unwrap();
        })
        .unwrap();
    // Each nested commit waited for its refresh; its call came after the one that made it.
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
}

/// All who watch one change hear of it before anybody hears of the next.
#[test]
fn calls_come_in_the_order_of_the_heads() {
    let store = open();
    let log = Arc::new(Mutex::new(Vec::new()));
    let inner = store.clone();
    let watch = |name: &'static str, mut then: Box<dyn FnMut(i64) + Send>| {
        let log = Arc::clone(&log);
        let call = move |n: &Arc<i64>| {
            log.lock().unwrap().push((name, **n));
            then(**n);
        };
        store.subscribe(&count(), call).unwrap()
    };
    let _first = watch(
        "a",
        Box::new(move |n| {
            if n == 1 {
                add(&inner, 2)
            }
        }),
    );
    let _second = watch("b", Box::new(|_| {}));
    add(&store, 1);
    let heard = std::mem::take(&mut *log.lock().unwrap());
    assert_eq!(heard[..2], [("a", 0), ("b", 0)]);
    let of = |name: &str| heard.iter().filter(|(who, _)| *who == name).map(|(_, n)| *n).collect::<Vec<_>>();
    assert_eq!(of("a"), [0, 1, 2]);
    // The second may have missed what was overtaken, never seen it late.
    assert!(of("b") == [0, 1, 2] || of("b") == [0, 2], "{heard:?}");
}

#[test]
fn a_subscription_can_end_in_its_own_callback() {
    let store = open();
    let own: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let (held, called) = (Arc::clone(&own), Arc::clone(&calls));
    let call = move |_: &Arc<i64>| {
        called.fetch_add(1, Ordering::Relaxed);
        drop(held.lock().unwrap().take());
    };
    let subscription = store.subscribe(&count(), call).unwrap();
    *own.lock().unwrap() = Some(subscription);
    (1..4).for_each(|id| add(&store, id));
    assert_eq!(calls.load(Ordering::Relaxed), 2); // At the start, and the one that ended it.
    assert_eq!(Arc::strong_count(&calls), 1); // The callback itself is gone.
}

#[test]
fn a_callback_can_end_another_subscription() {
    let store = open();
    let other: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let held = Arc::clone(&other);
    let _first = store
        .subscribe(&count(), move |n| {
            if **n == 1 {
                drop(held.lock().unwrap().take())
            }
        })
        .unwrap();
    let called = Arc::clone(&calls);
    let second = store
        .subscribe(&count(), move |_| {
            called.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    *other.lock().unwrap() = Some(second);
    (1..4).for_each(|id| add(&store, id));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_callback_can_subscribe() {
    let store = open();
    let (told, heard) = mpsc::channel();
    let (inner, mut kept) = (store.clone(), Vec::new());
    let call = move |n: &Arc<i64>| {
        let told = told.clone();
        let since = **n;
        kept.push(inner.subscribe(&Item::query().count(), move |n| told.send((since, *n)).unwrap()).unwrap());
    };
    let _subscription = store.subscribe(&count(), call).unwrap();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(0, 0)]);
    add(&store, 1);
    let mut after: Vec<_> = heard.try_iter().collect();
    after.sort_unstable();
    assert_eq!(after, [(0, 1), (1, 1)]);
}

#[test]
fn a_callback_can_set_a_signal() {
    let store = open();
    let seen = signal(0_i64);
    let source = seen.clone();
    let doubled = computed(move |cx| Ok(*cx.get(&source)? * 2));
    let (told, heard) = mpsc::channel();
    let _doubled = store.subscribe(&doubled, move |n| told.send(**n).unwrap()).unwrap();
    let (inner, set) = (store.clone(), seen.clone());
    let _count = store.subscribe(&count(), move |n| inner.set_signal(&set, **n).unwrap()).unwrap();
    add(&store, 1);
    add(&store, 2);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(*store.query(&seen).unwrap(), 2);
}

#[test]
fn a_panic_in_a_callback_stays_there() {
    let store = open();
    let (told, heard) = mpsc::channel();
    let panics = told.clone();
    let _first = store
        .subscribe(&count(), move |n| {
            panics.send(("panics", **n)).unwrap();
            assert!(**n != 1, "on purpose");
        })
        .unwrap();
    let _second = store.subscribe(&count(), move |n| told.send(("calm", **n)).unwrap()).unwrap();
    add(&store, 1);
    add(&store, 2);
    let mut calls: Vec<_> = heard.try_iter().collect();
    calls.sort_unstable();
    assert_eq!(calls, [("calm", 0), ("calm", 1), ("calm", 2), ("panics", 0), ("panics", 1), ("panics", 2)]);
    assert_eq!(store.query(&Item::query().count()).unwrap(), 2);
}

/// Panics when it is dropped with a callback.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped on purpose");
    }
}

#[test]
fn a_panic_while_a_callback_is_dropped_stays_there() {
    let store = open();
    let own: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let (held, bomb) = (Arc::clone(&own), Bomb);
    let call = move |n: &Arc<i64>| {
        let _ = &bomb;
        if **n == 1 {
            drop(held.lock().unwrap().take());
        }
    };
    *own.lock().unwrap() = Some(store.subscribe(&count(), call).unwrap());
    let (told, heard) = mpsc::channel();
    let _other = store.subscribe(&count(), move |n| told.send(**n).unwrap()).unwrap();
    let committed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| add(&store, 1)));
    assert!(committed.is_ok());
    add(&store, 2);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn the_last_handle_can_go_in_a_callback() {
    let store = open();
    let (told, heard) = mpsc::channel();
    let mut handle = Some(store.clone());
    let subscription = store.subscribe(&count(), move |n| {
        if **n == 1 {
            drop(handle.take());
        }
        told.send(**n).unwrap();
    });
    add(&store, 1);
    drop(store);
    drop(subscription);
    assert_eq!(heard.iter().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_callback_can_close_the_store() {
    let store = open();
    let inner = store.clone();
    let (told, heard) = mpsc::channel();
    let subscription = store
        .subscribe(&count(), move |n| {
            if **n == 1 {
                told.send(inner.shutdown().map_err(|error| error.to_string())).unwrap();
                assert!(matches!(inner.commit(Added { id: 9 }), Err(CommitError::Closed { .. })));
            }
        })
        .unwrap();
    add(&store, 1);
    assert_eq!(heard.recv_timeout(LONG).unwrap(), Ok(()));
    assert!(matches!(store.commit(Added { id: 2 }), Err(CommitError::Closed { .. })));
    drop(subscription);
}

/// Waiting for the next result there would wait for oneself.
#[test]
fn changes_do_not_block_in_a_callback() {
    let store = open();
    let (told, heard) = mpsc::channel();
    let mut changes = store.changes(&count()).unwrap();
    let mut is_first = true;
    let _subscription = store
        .subscribe(&count(), move |_| {
            if std::mem::take(&mut is_first) {
                told.send([changes.next(), changes.next(), changes.next_timeout(LONG)]).unwrap();
            }
        })
        .unwrap();
    assert_eq!(heard.recv_timeout(LONG).unwrap(), [Some(Arc::new(0)), None, None]);
}

/// Threads that commit at once, each callback alone, each value at most once and never backwards.
#[test]
fn callbacks_run_one_at_a_time() {
    let store = open();
    let (told, heard) = mpsc::channel();
    let running = Arc::new(AtomicUsize::new(0));
    let _subscription = store
        .subscribe(&count(), move |n| {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
            told.send(**n).unwrap();
            running.fetch_sub(1, Ordering::SeqCst);
        })
        .unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || (0..100).for_each(|n| add(store, thread * 1_000 + n)));
        }
    });
    let mut last = -1;
    while last < 400 {
        let next = heard.recv_timeout(LONG).unwrap();
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}
