//! Stores without threads: nothing happens unless somebody pumps, and time is what the caller says.

use livestore::__testing::abandon;
use livestore::*;
use livestore_tests::items::{Added, App, Item};
use livestore_tests::scratch::Scratch;
use std::time::Duration;

fn add(store: &Store<App>, id: i64) -> Receipt {
    store.commit(Added { id }).expect("it is taken")
}

fn ids(store: &Store<App>) -> Vec<i64> {
    store.query(&Item::query()).expect("it reads").into_iter().map(|item| item.id).collect()
}

/// Pumps all of them until none has anything left to do at once; time goes on where one is due.
fn settle(stores: &[&Store<App>], now: &mut Duration) {
    for _ in 0..200 {
        stores.iter().for_each(|store| {
            store.pump(*now);
        });
        *now += Duration::from_millis(2);
    }
}

#[test]
fn nothing_happens_unless_somebody_pumps() {
    let adapter = memory();
    let open = || Store::<App>::builder(adapter.clone(), "items").pumped().open().expect("it opens");
    let (first, second) = (open(), open());
    let receipt = add(&first, 1);
    assert_eq!((ids(&first), ids(&second), receipt.poll()), (vec![1], vec![], None));
    let due = first.pump(Duration::from_millis(5));
    assert!(due.is_some_and(|due| due > Duration::from_millis(5)), "{due:?}");
    assert!(receipt.poll().is_some());
    assert_eq!(ids(&second), [] as [i64; 0], "the second session takes it when it is pumped, or commits");
    second.pump(Duration::from_millis(5));
    assert_eq!(ids(&second), [1]);
    first.shutdown().expect("it drains");
    add(&second, 2);
    second.shutdown().expect("it drains");
}

#[test]
fn clients_converge_in_the_time_that_the_caller_says() {
    let backend = MemoryBackend::new();
    let open = || Store::<App>::builder(memory(), "items").sync(backend.clone()).pumped().open().expect("it opens");
    let (laptop, phone) = (open(), open());
    let mut now = Duration::ZERO;
    settle(&[&laptop, &phone], &mut now);
    backend.set_online(false);
    let receipts = [add(&laptop, 1), add(&phone, 2), add(&laptop, 3)];
    settle(&[&laptop, &phone], &mut now);
    assert_eq!((ids(&laptop), ids(&phone)), (vec![1, 3], vec![2]));
    assert!(receipts.iter().all(|receipt| receipt.poll().is_none()), "no backend confirmed them");
    backend.set_online(true);
    now += Duration::from_secs(60); // Every wait before a retry is over.
    settle(&[&laptop, &phone], &mut now);
    assert_eq!((ids(&laptop), ids(&phone)), (vec![1, 2, 3], vec![1, 2, 3]));
    assert!(laptop.sync_status().is_synced() && phone.sync_status().is_synced());
    for receipt in receipts {
        let outcome = receipt.poll().expect("it is confirmed");
        assert!(!outcome.is_provisional && outcome.quarantined.is_none(), "{outcome:?}");
    }
}

#[test]
fn a_client_that_ends_in_the_middle_loses_nothing() {
    let scratch = Scratch::new("pumped");
    let backend = MemoryBackend::new();
    let open = || {
        let builder = Store::<App>::builder(native(scratch.path()), "items");
        builder.sync(backend.clone()).pumped().open().expect("it opens")
    };
    let mut now = Duration::ZERO;
    for round in 0..20 {
        let store = open();
        add(&store, 2 * round);
        for _ in 0..round {
            now += Duration::from_millis(1);
            store.pump(now);
        }
        add(&store, 2 * round + 1);
        abandon(store);
    }
    let store = open();
    settle(&[&store], &mut now);
    assert_eq!(ids(&store), (0..40).collect::<Vec<_>>());
    assert_eq!(backend.head("items"), 40);
}
