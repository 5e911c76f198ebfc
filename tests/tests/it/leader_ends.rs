//! A leader whose files another one writes, and one that never rests.

use livestore::__testing::abandon;
use livestore::*;
use livestore_tests::dump;
use livestore_tests::items::{Added, App, Item};
use livestore_tests::scratch::Scratch;
use std::time::Duration;

const STORE: &str = "items";

fn open(scratch: &Scratch) -> Store<App> {
    Store::builder(native(scratch.path()), STORE).pumped().open().expect("it opens")
}

fn ids(store: &Store<App>) -> Vec<i64> {
    store.query(&Item::query()).expect("it reads").into_iter().map(|item| item.id).collect()
}

#[test]
fn a_leader_that_another_one_fenced_ends_and_says_so() {
    let scratch = Scratch::new("fenced");
    let store = open(&scratch);
    store.commit(Added { id: 1 }).expect("it is taken");
    store.pump(Duration::from_secs(1));
    let log = dump::open(&scratch.store(STORE).join("eventlog.db"));
    log.execute("UPDATE facts SET value = value + 1 WHERE key = 'epoch'", []).expect("another leader claims the log");
    let receipt = store.commit(Added { id: 2 }).expect("it is safe in the journal");
    store.pump(Duration::from_secs(2));
    let LeaderState::Stopped { reason } = store.status().leader else { panic!("{:?}", store.status()) };
    assert!(reason.contains("another process leads this store now"), "{reason}");
    assert!(matches!(receipt.wait(Duration::ZERO), Err(WaitError::Closed { .. })));
    drop((store, log));
    let store = open(&scratch);
    assert_eq!(ids(&store), [1, 2]);
}

#[test]
fn a_leader_that_never_rests_takes_the_journals_of_processes_that_it_never_met() {
    let (scratch, elsewhere) = (Scratch::new("busy"), Scratch::new("elsewhere"));
    let store = open(&scratch);
    let orphan = open(&elsewhere);
    orphan.commit(Added { id: 1_000 }).expect("it is safe in the journal");
    abandon(orphan);
    for journal in elsewhere.files(STORE, "journal-", ".log") {
        let name = journal.file_name().expect("it has a name");
        std::fs::copy(&journal, scratch.store(STORE).join(name)).expect("it can be copied");
    }
    for tenth in 0..200 {
        store.commit(Added { id: tenth }).expect("it is taken");
        store.pump(Duration::from_millis(100 * tenth as u64));
    }
    assert!(ids(&store).contains(&1_000), "{:?}", store.status());
}
