//! Random worlds of clients and a backend: when all is well again, everybody has the same, and it is right.

use livestore::*;
use livestore_tests::dump;
use livestore_tests::history::{self, App};
use livestore_tests::rng::Rng;
use livestore_tests::sync_logs::{Logline, Logs, id_after};
use livestore_tests::sync_plan::CANARY;
use livestore_tests::sync_world::{Client, Marks, STORE, Taken, World};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

fn histories() -> u64 {
    let asked = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok());
    asked.unwrap_or(if std::env::var_os("CI").is_some() { 250 } else { 20 })
}

/// Numbers count from 1 without gaps, and groups are whole.
fn check_backend(log: &[SyncEvent]) {
    let mut open = 0;
    for (event, number) in log.iter().zip(1..) {
        assert_eq!((event.number, event.parent), (number, number - 1));
        let rest = event.rest.unwrap_or(0);
        assert!(open == 0 || rest == open - 1, "a group is cut at e{number}");
        open = rest;
    }
    assert_eq!(open, 0, "the last group is cut");
}

/// A client holds the backend's log and nothing more, but for what stays with it.
fn check_log(client: usize, logs: &Logs, log: &[SyncEvent], keeps_identity: bool) {
    assert_eq!(logs.pending, [], "client {client} has something pending");
    let synced: Vec<_> = logs.events.iter().filter(|line| !line.client_only).collect();
    assert_eq!(synced.len(), log.len(), "client {client} and the backend");
    // What came without args, the original gives back with null once it is stored: a client may hold either.
    let held = |args: Option<&str>| args.filter(|args| keeps_identity || *args != "null").map(str::to_owned);
    for (line, event) in synced.into_iter().zip(log) {
        let ours = (line.global, &line.name, held(line.args.as_deref()), &line.client_id, &line.session_id);
        let theirs = (event.number, &event.name, held(event.args.as_deref()), &event.client_id, &event.session_id);
        assert_eq!(ours, theirs, "client {client}");
        assert!(!keeps_identity || event.id.is_none_or(|id| id == line.id), "client {client} e{}", event.number);
    }
}

/// What is in a session's own client's log is what it committed and the backend did not reject, in this order, once each.
fn check_session(session: &str, taken: &[&Taken], logs: &Logs, is_shaken: bool) {
    let rejected: BTreeSet<EventId> = logs.rejected.iter().map(|line| line.id).collect();
    let mut expected = Vec::new();
    for taken in taken {
        let first = taken.receipt.first_event().expect("something was committed");
        let events = taken.events.iter().enumerate().filter(|(nth, _)| !rejected.contains(&id_after(first, *nth)));
        expected.extend(events.map(|(nth, (shown, client_only))| (id_after(first, nth), shown.clone(), *client_only)));
    }
    let mut found: Vec<&Logline> = logs.events.iter().filter(|line| line.session_id == session).collect();
    if is_shaken {
        // Another client may have brought a session's events back before its own did; what is client-only comes after them then.
        found.sort_by_key(|line| line.client_only);
        expected.sort_by_key(|(.., client_only)| *client_only);
    }
    let ids: Vec<EventId> = found.iter().map(|line| line.id).collect();
    assert_eq!(ids, expected.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), "session {session} in its client's log");
    for (line, (_, shown, client_only)) in found.into_iter().zip(expected) {
        assert_eq!(line.client_only, client_only, "session {session} e{}", line.global);
        let is_as_shown = shown.is_none_or(|shown| shown == (line.name.clone(), line.args.clone()));
        assert!(is_as_shown, "session {session} e{}", line.global);
    }
}

/// Every receipt has its one outcome, and it is true.
fn check_receipts(world: &World, logs: &[Logs], log: &[SyncEvent]) {
    for taken in &world.taken {
        let first = taken.receipt.first_event().expect("something was committed");
        let rejected = &logs[taken.client].rejected;
        let is_rejected = rejected.iter().any(|line| line.id >= first && line.id < id_after(first, taken.events.len()));
        match taken.receipt.wait(Duration::from_secs(20)) {
            Ok(outcome) => {
                // Without a backend it was confirmed for the time being only.
                assert!(!is_rejected || outcome.is_provisional, "{taken:?} is rejected and has {outcome:?}");
                let is_final = !world.is_shaken && !outcome.is_provisional;
                let last = taken.events.last().filter(|(_, client_only)| is_final && !client_only);
                if let Some((Some((name, args)), _)) = last {
                    let there = &log[outcome.number.global as usize - 1];
                    let same = (&there.name, there.args.as_deref()) == (name, args.as_deref());
                    assert!(same, "{taken:?} has {outcome:?} where there is {there:?}");
                }
            }
            Err(WaitError::Rejected { reason }) => assert!(is_rejected, "{taken:?} is not rejected: {reason}"),
            Err(WaitError::Closed { .. }) => assert!(taken.is_left, "{taken:?} was closed"),
            Err(error) => panic!("{taken:?}: {error}"),
        }
    }
}

fn synced_rows(rows: &[String]) -> Vec<&String> {
    rows.iter().filter(|row| !row.starts_with("pref")).collect()
}

/// All sessions see what plain Rust makes of their client's log.
fn check_state(nth: usize, client: &Client, logs: &Logs, marks: &mut Marks) -> Vec<String> {
    let model = logs.model();
    for store in &client.sessions {
        assert_eq!(history::seen(store), model.rows(), "client {nth} session {}", store.session_id());
        let status = store.status();
        assert_eq!(status.quarantined.len(), model.quarantined, "client {nth}: {:?}", status.quarantined);
    }
    marks.quarantined += model.quarantined as u64;
    model.rows()
}

/// State from nothing is the same state.
fn check_replay(nth: usize, client: &mut Client, backend: &MemoryBackend) {
    for store in client.sessions.drain(..) {
        store.shutdown().expect("it drains");
    }
    let Some(folder) = client.folder().map(|folder| folder.store(STORE)) else { return };
    let before = dump::state(&folder);
    dump::delete_state(&folder);
    let directory = client.folder().expect("it has one").path();
    let store = Store::<App>::builder(native(directory), STORE).sync(backend.clone()).open().expect("the store opens");
    store.shutdown().expect("it drains");
    assert_eq!(before, dump::state(&folder), "client {nth}: state and its replay");
}

fn check(world: &mut World, marks: &mut Marks) {
    world.live(marks);
    world.heal(marks);
    let log = world.backend.events(STORE);
    check_backend(&log);
    let logs: Vec<Logs> = world.clients.iter().map(|client| Logs::of(&client.sessions[0])).collect();
    for (nth, logs) in logs.iter().enumerate() {
        check_log(nth, logs, &log, world.keeps_identity);
        marks.rejected += logs.rejected.iter().filter(|line| line.rest == 0).count() as u64;
    }
    let mut sessions: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for taken in &world.taken {
        sessions.entry(&taken.session_id).or_default().push(taken);
    }
    for (session, taken) in &sessions {
        check_session(session, taken, &logs[taken[0].client], world.is_shaken);
    }
    let known = log.iter().filter(|event| sessions.contains_key(&*event.session_id)).count() as u64;
    assert_eq!(log.len() as u64, known + world.foreign, "the backend's events are those that were committed");
    check_receipts(world, &logs, &log);
    let clients = world.clients.iter().zip(&logs).enumerate();
    let rows: Vec<_> = clients.map(|(nth, (client, logs))| check_state(nth, client, logs, marks)).collect();
    for other in &rows {
        assert_eq!(synced_rows(other), synced_rows(&rows[0]), "two clients");
    }
    assert!(!world.backend.contains(CANARY), "something left its client");
    marks.events += log.len() as u64;
    world.backend.set_online(false);
    let backend = world.backend.clone();
    world.clients.iter_mut().enumerate().for_each(|(nth, client)| check_replay(nth, client, &backend));
    marks.worlds += 1;
}

#[test]
fn everybody_has_the_same_in_the_end_and_it_is_right() {
    let first = Rng::seed();
    let mut marks = Marks::default();
    for seed in (0..histories()).map(|nth| first.wrapping_add(nth)) {
        let mut world = World::new(seed);
        let checked = catch_unwind(AssertUnwindSafe(|| check(&mut world, &mut marks)));
        assert!(checked.is_ok(), "{}\nHISTORIES=1 SEED={seed}", world.views());
    }
    report(&format!("SEED={first} {marks:?}"));
    let Marks { commits, refused, rejected, quarantined, reopened, attached, looks, faults, offline, .. } = marks;
    let least = [commits, refused, rejected, quarantined, reopened, attached, looks, faults, offline];
    let is_enough = histories() < 60 || least.iter().all(|mark| *mark > 0);
    assert!(is_enough, "SEED={first} some case never came: {marks:?}");
}

/// The figures are part of the test's output.
#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}
