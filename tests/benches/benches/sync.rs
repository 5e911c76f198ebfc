//! P11, P10 with pending events, and what sync adds: bursts, confirmations, and sessions that take turns.

use livestore::{MemoryBackend, Store, Table, native};
use livestore_benches::app::{App, Todo, created};
use livestore_benches::ceiling::{Ceiling, Mode};
use livestore_benches::client::{CONFIRMED, Client, STORE, WAIT_MAX, count, poll, poll_head};
use livestore_benches::{Bench, Folder, Unit, child, cpu_of, process_cpu, tell};
use std::path::Path;

const OPEN: &str = "LIVESTORE_BENCH_OPEN_PENDING";
const PAGE: usize = 100;
/// Where the numbers of other clients' todos begin.
const OTHERS: u64 = 10_000_000;

fn main() {
    if let Some(folder) = std::env::var_os(OPEN) {
        return tell(|| open_offline(Path::new(&folder)));
    }
    let bench = Bench::from_args();
    for (events, target) in [(100, "≤ 2 ms"), (1_000, "≤ 20 ms")] {
        if bench.wants("P11") {
            rebase(&bench, bench.size(events, 20), target);
        }
    }
    if bench.wants("P10") {
        open_with_pending(&bench, bench.size(100_000, 20));
    }
    if bench.wants("burst") {
        bursts(&bench, bench.size(10_000, 20));
    }
    if bench.wants("confirm") {
        confirmations(&bench);
    }
    if bench.wants("turns") {
        turns(&bench);
    }
}

/// From the moment when the backend is there until leader and session have what it held before what is pending. The push that
/// follows is refused: it is not part of it.
fn rebase(bench: &Bench, events: u64, target: &str) {
    let what = format!("rebase of {events} pending over {events}, leader and session");
    let run = || {
        let client = Client::offline(PAGE, events).unwrap();
        client.others_append(OTHERS, events);
        let backend = &client.backend.backend;
        let pushes = backend.pushes();
        backend.inject_times(1_000, &livestore::Fault::Busy);
        let spent = client.backend.cpu();
        let seconds = cpu_of(process_cpu, || {
            client.go_online();
            // The leader pushes when it has pulled all.
            poll(|| backend.pushes() > pushes);
            let there = |status: &livestore::SyncStatus| status.synced == CONFIRMED + events;
            assert!(client.store.wait_sync(WAIT_MAX / 60, there), "{:?}", client.store.sync_status());
            assert_eq!(count(&client.store).unwrap(), CONFIRMED + 2 * events);
        });
        seconds - (client.backend.cpu() - spent)
    };
    bench.compare(("P11", &what, target), Unit::Millis, run, || rebase_by_hand(events));
}

fn rebase_by_hand(events: u64) -> f64 {
    let folder = Folder::new();
    let ceiling = Ceiling::open(Mode::WalNormal, folder.path()).unwrap();
    ceiling.fill(0, CONFIRMED, 100).unwrap();
    let args = |from: u64| -> Vec<String> {
        (from..from + events).map(|number| serde_json::to_string(&created(number)).unwrap()).collect()
    };
    let (upstream, pending) = (args(OTHERS), args(CONFIRMED));
    let session = ceiling.session(&pending).unwrap();
    cpu_of(process_cpu, || ceiling.rebase(&session, (CONFIRMED + 1, &upstream), &pending).unwrap())
}

fn open_offline(folder: &Path) -> (Store<App>, Vec<Todo>) {
    let backend = MemoryBackend::new();
    backend.set_online(false);
    let store = Store::<App>::builder(native(folder.join("data")), STORE).sync(backend).open().unwrap();
    let page = store.query(&Todo::query().filter(|t| t.completed.eq(false)).limit(50)).unwrap();
    (store, page)
}

fn open_with_pending(bench: &Bench, pending: u64) {
    let client = Client::offline(PAGE, pending).unwrap();
    assert_eq!(count(&client.store).unwrap(), CONFIRMED + pending);
    client.store.shutdown().unwrap();
    let Client { folder, store, .. } = client;
    drop(store);
    let (reopened, _) = open_offline(folder.path());
    assert_eq!(count(&reopened).unwrap(), CONFIRMED + pending);
    assert_eq!(reopened.sync_status().pending as u64, pending);
    reopened.shutdown().unwrap();
    let mut memory = Vec::new();
    let what = format!("open with {pending} pending, backend offline, and answer the first query, CPU");
    bench.alone(("P10", &what, "≤ 1.5 s"), Unit::Millis, || child(OPEN, folder.path(), &mut memory));
    let what = format!("its resident memory, {pending} pending");
    let mut memory = memory.into_iter();
    bench.alone(("P10", &what, "–"), Unit::Megabytes, || memory.next().unwrap_or(f64::NAN));
}

/// One session commits, one by one, as fast as it can; until the two others have all of it.
fn bursts(bench: &Bench, events: u64) {
    let run = |client: Client, is_online: bool| {
        let others = [client.session().unwrap(), client.session().unwrap()];
        let spent = client.backend.cpu();
        let seconds = cpu_of(process_cpu, || {
            for number in CONFIRMED..CONFIRMED + events {
                client.store.commit(created(number)).unwrap();
            }
            others.iter().for_each(|other| poll_head(other, CONFIRMED + events));
            assert!(!is_online || client.store.wait_synced(WAIT_MAX));
            others.iter().for_each(|other| assert_eq!(count(other).unwrap(), CONFIRMED + events));
        });
        seconds - (client.backend.cpu() - spent)
    };
    let what = format!("{events} events of one session reach two others, backend offline");
    bench.alone(("burst", &what, "≤ 1 s"), Unit::Millis, || run(Client::offline(PAGE, 0).unwrap(), false));
    let what = format!("{events} events of one session reach two others, and are confirmed everywhere");
    bench.alone(("burst", &what, "≤ 1 s"), Unit::Millis, || run(Client::new(PAGE).unwrap(), true));
}

/// From the moment when the backend is there until all that was pending is confirmed at leader and session.
fn confirmations(bench: &Bench) {
    let run = |events: u64, page: usize| {
        let client = Client::offline(page, events).unwrap();
        let spent = client.backend.cpu();
        let seconds = cpu_of(process_cpu, || {
            client.go_online();
            poll(|| client.backend.backend.head(STORE) == CONFIRMED + events);
            assert!(client.store.wait_synced(WAIT_MAX));
            assert_eq!(client.store.status().upstream_head.global, CONFIRMED + events);
        });
        seconds - (client.backend.cpu() - spent)
    };
    let mut costs = Vec::new();
    for (events, target) in [(10_000, "–"), (100_000, "≤ 1 s, linear")] {
        let events = bench.size(events, 200);
        let what = format!("confirm {events} pending in pages of 50, leader and session");
        let seconds = bench.alone(("confirm", &what, target), Unit::Millis, || run(events, 50));
        costs.push(seconds / events as f64);
    }
    bench
        .alone(("confirm", "an event of 100,000 against one of 10,000", "linear"), Unit::Times, || costs[1] / costs[0]);
}

/// Two sessions of one client commit in turns, each when it has the other's commit.
fn turns(bench: &Bench) {
    let turns = bench.size(400, 4);
    let run = |pending: u64, is_waiting: bool| {
        let client = Client::offline(PAGE, pending).unwrap();
        let other = client.session().unwrap();
        let sessions = [&client.store, &other];
        poll_head(&other, CONFIRMED + pending);
        let first = CONFIRMED + pending;
        let seconds = cpu_of(process_cpu, || {
            for turn in 0..turns {
                let [committer, follower] = if turn % 2 == 0 { sessions } else { [sessions[1], sessions[0]] };
                committer.commit(created(first + turn)).unwrap();
                if is_waiting {
                    poll_head(follower, first + turn + 1);
                }
            }
            sessions.iter().for_each(|store| poll_head(store, first + turns));
        });
        seconds / turns as f64
    };
    for (way, is_waiting) in [("each after the other's commit came", true), ("at once", false)] {
        let mut costs = Vec::new();
        for pending in [10_000, 100_000] {
            let pending = bench.size(pending, 20);
            let what = format!("two sessions take turns, {way}, over {pending} pending, per commit");
            costs.push(bench.alone(("turns", &what, "–"), Unit::Micros, || run(pending, is_waiting)));
        }
        bench.alone(("turns", "over 100,000 against over 10,000", "≤ 2 ×"), Unit::Times, || costs[1] / costs[0]);
    }
}
