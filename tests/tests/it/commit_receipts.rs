//! Receipts: what became of a commit.

use livestore::*;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Far beyond what a machine under load needs.
const LONG: Duration = Duration::from_secs(30);

#[event("v1.Added")]
struct Added {
    id: i64,
}

#[event("Picked", client_only)]
struct Picked {
    id: i64,
}

#[event("v1.Gated")]
struct Gated {}

#[table("items")]
struct Item {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Added, Picked, Gated), tables(Item))]
struct App;

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        Item { id }.insert()
    }

    fn picked(_: Picked) {}

    fn gated(_: Gated) {
        let is_leader = std::thread::current().name() == Some("livestore-leader");
        drop(is_leader.then(|| GATE.lock()));
    }
}

fn open() -> Store<App> {
    Store::open(memory(), "commit-receipts").unwrap()
}

#[test]
fn a_receipt_tells_where_the_commit_ended() {
    let store = open();
    let number = |receipt: Receipt| receipt.wait(LONG).unwrap().number.to_string();
    assert_eq!(number(store.commit(Added { id: 1 }).unwrap()), "e1");
    assert_eq!(number(store.commit([Added { id: 2 }, Added { id: 3 }]).unwrap()), "e3");
    assert_eq!(number(store.commit([Picked { id: 1 }, Picked { id: 2 }]).unwrap()), "e3.2");
    assert_eq!(number(store.commit((Picked { id: 1 }, Added { id: 4 })).unwrap()), "e4");
    assert_eq!(store.status().local_head.to_string(), "e4");
}

#[test]
fn a_receipt_can_be_polled_waited_for_and_asked_again() {
    let store = open();
    let receipt = store.commit([Added { id: 1 }, Added { id: 2 }]).unwrap();
    assert_eq!(receipt.events(), 2);
    let outcome = receipt.wait(LONG).unwrap();
    assert_eq!(receipt.poll(), Some(outcome.clone()));
    assert_eq!(receipt.wait(Duration::ZERO), Ok(outcome.clone()));
    assert!(outcome.is_provisional && outcome.quarantined.is_none());
    receipt.wait_durable(LONG).unwrap();
    assert!(receipt.is_durable());
    let next = store.commit(Added { id: 3 }).unwrap();
    assert_ne!(next.first_event(), receipt.first_event());
}

#[test]
fn receipts_outlive_the_store() {
    let store = open();
    let receipts: Vec<Receipt> = (0..50).map(|id| store.commit(Added { id }).unwrap()).collect();
    store.shutdown().unwrap();
    drop(store);
    for (id, receipt) in (1_u64..).zip(receipts) {
        assert_eq!(receipt.wait(Duration::ZERO).unwrap().number.global, id);
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker: Waker = Arc::new(Unpark(std::thread::current())).into();
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn a_receipt_is_a_future() {
    let store = open();
    for id in 0..100 {
        let outcome = block_on(store.commit(Added { id }).unwrap()).unwrap();
        assert_eq!(outcome.number.global, id as u64 + 1);
    }
    let empty = block_on(store.commit(None::<Added>).unwrap()).unwrap();
    assert_eq!(empty.quarantined, None);
}

/// Held shut by the test below; the leader waits before it.
static GATE: Mutex<()> = Mutex::new(());

#[test]
fn a_callback_cannot_wait() {
    let store = open();
    let (told, heard) = std::sync::mpsc::channel();
    let inner = store.clone();
    let shut = GATE.lock().unwrap();
    let mut is_first = true;
    let _subscription = store
        .subscribe(&Item::query().count(), move |_| {
            if std::mem::take(&mut is_first) {
                let receipt = inner.commit(Gated {}).unwrap();
                assert_eq!(receipt.poll(), None);
                told.send((receipt.wait(LONG), receipt.wait_durable(LONG), receipt)).unwrap();
            }
        })
        .unwrap();
    let (waited, durable, receipt) = heard.recv_timeout(LONG).unwrap();
    assert_eq!((waited, durable), (Err(WaitError::WouldBlock), Err(WaitError::WouldBlock)));
    let timeout = receipt.wait(Duration::from_millis(1));
    assert_eq!(timeout, Err(WaitError::Timeout { level: "confirmed", waited_ms: 1 }));
    drop(shut);
    assert_eq!(receipt.wait(LONG).unwrap().number.global, 1);
}
