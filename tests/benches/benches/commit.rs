//! P1 to P4: what a commit costs its caller, and what the whole way to the disk costs.

use livestore::{Store, memory};
use livestore_benches::app::{App, created, fill, on_disk};
use livestore_benches::ceiling::{Ceiling, Mode};
use livestore_benches::{Bench, Folder, Unit, cpu_of, median, process_cpu, thread_cpu};

fn main() {
    let bench = Bench::from_args();
    if bench.wants("P1") {
        let figure = ("P1", "commit of one event, memory, caller's CPU, p50", "≤ 8 µs");
        bench.compare(figure, Unit::Micros, || call(&bench, Mode::Memory), || call_by_hand(&bench, Mode::Memory));
    }
    if bench.wants("P2") {
        let figure = ("P2", "commit of one event, native, caller's CPU, p50", "≤ 25 µs");
        bench.compare(figure, Unit::Micros, || call(&bench, Mode::WalNormal), || call_by_hand(&bench, Mode::WalNormal));
    }
    for (name, group, target) in [("P3", 1, "≥ 40,000/s"), ("P4", 100, "≥ 120,000/s"), ("P4", 1_000, "≥ 120,000/s")]
    {
        if bench.wants(name) {
            let what = format!("native, drained to disk, {group} per commit, events per CPU second");
            let events = bench.size(if group == 1 { 20_000 } else { 100_000 }, 2 * group);
            let figure = (name, &*what, target);
            bench.compare(figure, Unit::EventsPerSecond, || drained(events, group), || by_hand(events, group));
        }
    }
}

/// The median over single calls, on this thread's clock.
fn call(bench: &Bench, mode: Mode) -> f64 {
    let folder = Folder::new();
    let store = match mode {
        Mode::Memory => Store::<App>::open(memory(), "bench"),
        Mode::WalNormal => Store::<App>::open(on_disk(folder.path()), "bench"),
    };
    let store = store.unwrap();
    fill(&store, 0, 200, 1).unwrap();
    let calls = (200..200 + bench.size(5_000, 10)).map(|number| {
        let event = created(number);
        cpu_of(thread_cpu, || drop(store.commit(event).unwrap()))
    });
    let calls = median(calls.collect());
    store.shutdown().unwrap();
    calls
}

fn call_by_hand(bench: &Bench, mode: Mode) -> f64 {
    let folder = Folder::new();
    let ceiling = Ceiling::open(mode, folder.path()).unwrap();
    ceiling.fill(0, 200, 1).unwrap();
    let calls = (200..200 + bench.size(5_000, 10)).map(|number| {
        let event = [created(number)];
        cpu_of(thread_cpu, || ceiling.commit(number + 1, &event).unwrap())
    });
    median(calls.collect())
}

/// From the first commit until everything is in the eventlog and in state, synced, and the store closed.
fn drained(events: u64, group: u64) -> f64 {
    let folder = Folder::new();
    let store = Store::<App>::open(on_disk(folder.path()), "bench").unwrap();
    fill(&store, 0, 200, 100).unwrap();
    let seconds = cpu_of(process_cpu, || {
        fill(&store, 200, events, group).unwrap();
        store.shutdown().unwrap();
    });
    events as f64 / seconds
}

fn by_hand(events: u64, group: u64) -> f64 {
    let folder = Folder::new();
    let ceiling = Ceiling::open(Mode::WalNormal, folder.path()).unwrap();
    ceiling.fill(0, 200, 100).unwrap();
    let seconds = cpu_of(process_cpu, || {
        ceiling.fill(200, events, group).unwrap();
        drop(ceiling);
    });
    events as f64 / seconds
}
