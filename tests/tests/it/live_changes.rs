//! The results of a live query as an iterator and a stream.

use futures_core::Stream;
use livestore::*;
use livestore_tests::items::{self, App, Item, add};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

fn open() -> Store<App> {
    items::open("live-changes")
}

#[test]
fn a_slow_reader_gets_the_latest() {
    let store = open();
    let mut counts = store.changes(&Item::query().count()).unwrap();
    (0..5).for_each(|id| add(&store, id));
    assert_eq!(counts.next().as_deref(), Some(&5));
    assert_eq!(counts.try_next(), None);
    assert_eq!(counts.next_timeout(Duration::ZERO), None);
    add(&store, 5);
    assert_eq!(counts.try_next().as_deref(), Some(&6));
}

#[test]
fn an_iterator_waits_and_ends_with_the_store() {
    let store = open();
    let counts = store.changes(&Item::query().count()).unwrap();
    let reader = std::thread::spawn(move || counts.map(|n| *n).collect::<Vec<_>>());
    (0..50).for_each(|id| add(&store, id));
    store.shutdown().unwrap();
    let seen = reader.join().unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&50), "{seen:?}");
}

#[test]
fn dropping_the_changes_ends_the_subscription() {
    let store = open();
    let subscribers = || store.live_stats().unwrap().iter().map(|stats| stats.subscribers).sum::<usize>();
    let counts = store.changes(&Item::query().count()).unwrap();
    assert_eq!(subscribers(), 1);
    drop(counts);
    assert_eq!(subscribers(), 0);
    let mut closed = store.changes(&Item::query().count()).unwrap();
    store.shutdown().unwrap();
    assert!(closed.is_closed());
    assert_eq!(closed.next_timeout(LONG).as_deref(), Some(&0)); // The result that was not read yet.
    assert_eq!(closed.next_timeout(LONG), None);
    assert!(store.changes(&Item::query().count()).is_err());
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_stream_wakes_once_there_is_something() {
    let store = open();
    let mut counts = store.changes(&Item::query().count()).unwrap();
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let waker = Arc::clone(&wakes).into();
    let mut poll = || Pin::new(&mut counts).poll_next(&mut Context::from_waker(&waker)).map(|next| next.map(|n| *n));
    assert_eq!(poll(), Poll::Ready(Some(0)));
    assert_eq!(poll(), Poll::Pending);
    add(&store, 1);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(), Poll::Ready(Some(1)));
    assert_eq!(poll(), Poll::Pending);
    store.shutdown().unwrap();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 2);
    assert_eq!(poll(), Poll::Ready(None));
}
