//! A leader that hangs or dies: whoever waits for it is told, in time.

#[cfg(feature = "shuttle")]
mod shuttle;

use super::ShutdownError;
use crate::*;
use std::future::Future;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Closed while it holds `true`: the leader's materializers wait before it.
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

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

fn is_leader() -> bool {
    std::thread::current().name() == Some("livestore-leader")
}

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        if is_leader() && id < 0 {
            let closed = GATE.0.lock().unwrap();
            drop(GATE.1.wait_while(closed, |closed| *closed).unwrap());
        }
        Item { id }.insert()
    }
}

fn set_gate(closed: bool) {
    *GATE.0.lock().unwrap() = closed;
    GATE.1.notify_all();
}

#[test]
fn a_shutdown_does_not_wait_for_a_leader_that_hangs() {
    let store = Store::<App>::open(memory(), "hangs").unwrap();
    set_gate(true);
    let receipt = store.commit(Added { id: -1 }).unwrap();
    let error = store.inner.shutdown(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ShutdownError::Pending { pending: 1, .. }), "{error}");
    assert!(matches!(store.commit(Added { id: 1 }), Err(CommitError::Closed { .. })));
    assert!(receipt.poll().is_none());
    set_gate(false);
    // It was left behind, not cut off: what it was about to do is done.
    receipt.wait(Duration::from_secs(60)).unwrap();
}

/// Panics where the leader calls it.
struct Bomb;

impl std::task::Wake for Bomb {
    fn wake(self: Arc<Self>) {
        assert!(!is_leader(), "a waker of the application panics");
    }
}

#[test]
fn a_waker_that_panics_stops_nobody() {
    let store = Store::<App>::open(memory(), "bomb").unwrap();
    let waker = Arc::new(Bomb).into();
    let mut context = std::task::Context::from_waker(&waker);
    for id in 1..=200 {
        let mut receipt = store.commit(Added { id }).unwrap();
        let _ = std::pin::Pin::new(&mut receipt).poll(&mut context);
        assert!(receipt.wait(Duration::from_secs(60)).is_ok(), "{id}");
    }
    store.shutdown().unwrap();
}
