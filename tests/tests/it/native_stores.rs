//! Stores in a directory: reopening, identity, sessions, and who may open what.

use livestore::*;
use livestore_tests::dump;
use livestore_tests::ledger::{App, NextApp, Step, Stepped};
use livestore_tests::scratch::Scratch;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STORE: &str = "main";
const SOON: Duration = Duration::from_secs(60);

fn open(directory: &Scratch) -> Store<App> {
    Store::open(native(directory.path()), STORE).expect("the store opens")
}

fn step(thread: i64, seq: i64) -> Stepped {
    Stepped { run: 1, thread, seq, text: String::new() }
}

fn steps(store: &Store<App>) -> i64 {
    store.query(&Step::query().count()).expect("state reads")
}

/// A schema whose materializer counts how often it runs in this process.
mod counted {
    use super::*;

    pub(super) static RUNS: AtomicU64 = AtomicU64::new(0);

    #[event("v1.Ran")]
    pub(super) struct Ran {
        pub(super) id: i64,
    }

    #[table("runs")]
    pub(super) struct Row {
        #[column(primary_key)]
        pub(super) id: i64,
    }

    #[schema(events(Ran), tables(Row))]
    pub(super) struct Counting;

    #[materializers]
    impl Counting {
        fn ran(Ran { id }: Ran) -> impl IntoWrites {
            RUNS.fetch_add(1, Ordering::SeqCst);
            Row { id }.insert()
        }
    }
}

#[test]
fn reopening_copies_state_and_replays_nothing() {
    use counted::{Counting, RUNS, Ran, Row};
    let directory = Scratch::new("reopen");
    let open = || Store::<Counting>::open(native(directory.path()), STORE).expect("the store opens");
    let store = open();
    for id in 0..50 {
        store.commit(Ran { id }).expect("it is taken");
    }
    store.shutdown().expect("it drains");
    assert_eq!(RUNS.swap(0, Ordering::SeqCst), 100, "once in the session, once in the leader");
    let store = open();
    assert_eq!(store.query(&Row::query().count()).expect("state reads"), 50);
    assert_eq!(RUNS.load(Ordering::SeqCst), 0);
    store.shutdown().expect("it drains");
    dump::delete_state(&directory.store(STORE));
    assert_eq!(open().query(&Row::query().count()).expect("state reads"), 50);
    assert_eq!(RUNS.load(Ordering::SeqCst), 50, "deleted state is rebuilt, each event once");
}

#[test]
fn the_client_is_kept_and_each_open_is_a_session() {
    let directory = Scratch::new("ids");
    let (one, two) = (open(&directory), open(&directory));
    let other = Store::<App>::open(native(directory.path()), "other").expect("it opens");
    assert_eq!(one.client_id(), two.client_id());
    assert_eq!(one.client_id(), other.client_id(), "the client belongs to the directory");
    assert_ne!(one.session_id(), two.session_id());
    assert_eq!(one.session_id(), one.clone().session_id());
    let (client, session) = (one.client_id().clone(), one.session_id().clone());
    drop((one, two, other));
    let again = open(&directory);
    assert_eq!((again.client_id().as_str().len(), again.session_id().as_str().len()), (6, 22));
    assert_eq!(*again.client_id(), client);
    assert_ne!(*again.session_id(), session);
}

#[test]
fn stores_of_one_directory_know_nothing_of_each_other() {
    let directory = Scratch::new("several");
    let one = open(&directory);
    let other = Store::<App>::open(native(directory.path()), "Main").expect("an id that differs in case only");
    one.commit(step(1, 1)).expect("it is taken");
    assert_eq!((steps(&one), steps(&other)), (1, 0));
}

#[test]
fn two_sessions_of_one_store_are_both_live() {
    let directory = Scratch::new("sessions");
    let (one, two) = (open(&directory), open(&directory));
    let mut seen = two.changes(&query_db(Step::query().count())).expect("it watches");
    assert_eq!(seen.next().expect("the first result").as_ref(), &0);
    one.commit(step(1, 1)).expect("it is taken");
    assert_eq!(seen.next().expect("the other session's commit").as_ref(), &1);
    two.commit(step(2, 1)).expect("it is taken").wait(SOON).expect("it gets its place");
    assert_eq!(one.status().upstream_head.to_string(), "e2");
    assert_eq!(steps(&one), 2);
}

#[test]
fn another_schema_cannot_join() {
    let directory = Scratch::new("schema");
    let store = open(&directory);
    let error = Store::<NextApp>::open(native(directory.path()), STORE).expect_err("it is open with another");
    assert!(
        matches!(&error, OpenError::OtherSchema { open, requested, .. } if open == "App" && requested == "NextApp")
    );
    store.shutdown().expect("it drains");
    Store::<NextApp>::open(native(directory.path()), STORE).expect("now it opens");
}

#[test]
fn a_closed_store_answers_with_its_reason() {
    let directory = Scratch::new("closed");
    let (store, clone) = (open(&directory), open(&directory));
    let same = store.clone();
    let receipt = store.commit(step(1, 1)).expect("it is taken");
    store.shutdown().expect("it drains");
    same.shutdown().expect("once more does nothing");
    let outcome = receipt.poll().expect("shutdown waits for the place");
    assert!(receipt.is_durable(), "and for the disk");
    assert_eq!(outcome.number.to_string(), "e1");
    let reason = |text: String| assert!(text.contains("shut down"), "{text}");
    reason(same.commit(step(1, 2)).expect_err("it is closed").to_string());
    reason(same.query(&Step::query().count()).expect_err("it is closed").to_string());
    reason(same.subscribe(&query_db(Step::query().count()), |_| {}).expect_err("it is closed").to_string());
    reason(same.export_state(directory.path().join("x")).expect_err("it is closed").to_string());
    reason(same.status().closed.expect("the status says so"));
    assert!(same.raw_events().try_next().is_none());
    // The other session goes on.
    clone.commit(step(2, 1)).expect("it is taken");
    assert_eq!(steps(&clone), 2);
}

#[test]
fn dropping_a_store_drains_it_and_leaves_no_journal() {
    let directory = Scratch::new("drop");
    let store = open(&directory);
    let receipts: Vec<_> = (1..=500).map(|seq| store.commit(step(1, seq)).expect("it is taken")).collect();
    drop(store);
    assert!(receipts.iter().all(|receipt| receipt.poll().is_some() && receipt.is_durable()));
    assert!(directory.files(STORE, "journal-", "").is_empty());
    let log = dump::open(&directory.store(STORE).join("eventlog.db"));
    let counts = log.query_row("SELECT count(*), (SELECT count(*) FROM journals) FROM events", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    assert_eq!(counts.expect("it reads").0, 500);
    drop(log);
    drop(open(&directory));
    let log = dump::open(&directory.store(STORE).join("eventlog.db"));
    let journals: i64 = log.query_row("SELECT count(*) FROM journals", [], |row| row.get(0)).expect("it reads");
    assert!(journals <= 1, "sessions that are gone leave nothing behind: {journals}");
}

#[test]
fn the_status_follows_a_commit_to_its_end() {
    let directory = Scratch::new("status");
    let store = open(&directory);
    let receipt = store.commit([step(1, 1), step(1, 2)]).expect("it is taken");
    assert_eq!(store.status().local_head.to_string(), "e2");
    receipt.wait(SOON).expect("it gets its place");
    let status = store.status();
    assert_eq!((status.pending, status.upstream_head.to_string().as_str()), (0, "e2"));
    receipt.wait_durable(SOON).expect("it gets durable");
    let status = store.status();
    assert!(status.is_durable && status.closed.is_none() && status.quarantined.is_empty());
    assert!(matches!(status.leader, LeaderState::Running));
}

#[test]
fn both_databases_are_exported_as_files() {
    let directory = Scratch::new("export");
    let store = open(&directory);
    (1..=20).for_each(|seq| drop(store.commit(step(1, seq)).expect("it is taken")));
    let receipt = store.commit(step(1, 21)).expect("it is taken");
    receipt.wait(SOON).expect("it gets its place");
    let (log, state) = (directory.path().join("log.db"), directory.path().join("state.db"));
    store.export_eventlog(&log).expect("it is written");
    store.export_state(&state).expect("it is written");
    let count = |path, sql| dump::open(path).query_row(sql, [], |row| row.get::<_, i64>(0)).expect("it reads");
    assert_eq!(count(&log, "SELECT count(*) FROM events"), 21);
    assert_eq!(count(&state, "SELECT count(*) FROM steps"), 21);
    let exported = dump::database(&state);
    let error = store.export_state(&state).expect_err("the file exists");
    assert_eq!(error.kind, StorageKind::NotWritable, "{error}");
    assert!(error.to_string().contains("exists"), "{error}");
    let error = store.export_eventlog(directory.path().join("no/such/folder")).expect_err("there is no folder");
    assert!(error.path.is_some_and(|path| path.ends_with("no/such/folder")));
    store.shutdown().expect("it drains");
    assert_eq!(exported, dump::state(&directory.store(STORE)));
}

#[test]
fn many_threads_commit_watch_and_drop() {
    let directory = Scratch::new("threads");
    let store = open(&directory);
    let (threads, commits) = (8, 60);
    std::thread::scope(|scope| {
        for thread in 1..=threads {
            let store = if thread % 2 == 0 { open(&directory) } else { store.clone() };
            scope.spawn(move || {
                for seq in 1..=commits {
                    store.commit(step(thread, seq)).expect("it is taken");
                    let own = Step::query().filter(|t| t.thread.eq(thread)).count();
                    let watched = store.subscribe(&query_db(own.clone()), |_| {}).expect("it watches");
                    assert_eq!(store.query(&own).expect("state reads"), seq, "a thread sees its own commits");
                    drop(watched);
                }
            });
        }
    });
    // Another session's commits arrive when they have their place.
    store.commit(step(99, 1)).expect("it is taken").wait(SOON).expect("it gets its place");
    assert_eq!(store.status().pending, 0);
    assert_eq!(steps(&store), threads * commits + 1);
}
