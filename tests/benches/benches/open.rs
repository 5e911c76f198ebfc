//! P9 and P10: state rebuilt from the eventlog, and an existing store opened.
//!
//! Opening is measured in a process of its own, so that memory and first uses are counted as an application has them.

use livestore::{Store, Table};
use livestore_benches::app::{App, Todo, fill, on_disk};
use livestore_benches::ceiling::{Ceiling, Mode};
use livestore_benches::{Bench, Folder, Unit, child, cpu_of, process_cpu, tell};
use std::path::Path;

const OPEN: &str = "LIVESTORE_BENCH_OPEN";
const START: &str = "LIVESTORE_BENCH_START";

fn main() {
    if let Some(folder) = std::env::var_os(OPEN) {
        return tell(|| open(Path::new(&folder)));
    }
    if let Some(folder) = std::env::var_os(START) {
        return tell(|| Ceiling::start(Path::new(&folder)).unwrap());
    }
    let bench = Bench::from_args();
    for (events, target) in [(100_000, "≤ 300 ms"), (1_000_000, "≤ 3.2 s")] {
        if bench.wants("P9") {
            rebuild(&bench, bench.size(events, 100), target);
        }
    }
    for (events, target) in [(1_000, "≤ 3 ms"), (100_000, "≤ 20 ms")] {
        if bench.wants("P10") {
            startup(&bench, bench.size(events, 100), target);
        }
    }
}

/// Opens the store and reads the first page; gives both back, so that what they hold is still there when memory is read.
fn open(folder: &Path) -> (Store<App>, Vec<Todo>) {
    let store = Store::<App>::open(on_disk(folder), "bench").unwrap();
    let page = store.query(&Todo::query().filter(|t| t.completed.eq(false)).limit(50)).unwrap();
    (store, page)
}

fn rebuild(bench: &Bench, events: u64, target: &str) {
    let (ours, by_hand) = (filled(events), filled_by_hand(events));
    let ceiling = Ceiling::open(Mode::WalNormal, by_hand.path()).unwrap();
    let what = format!("rebuild state from {events} events, first query included");
    let mut round = 0;
    bench.compare(
        ("P9", &what, target),
        Unit::Millis,
        || {
            ours.files("state-", "").iter().for_each(|file| std::fs::remove_file(file).unwrap());
            cpu_of(process_cpu, || assert_eq!(open(ours.path()).1.len(), 50))
        },
        || {
            round += 1;
            let target = by_hand.path().join(format!("rebuilt-{round}.db"));
            cpu_of(process_cpu, || assert_eq!(ceiling.rebuild(Mode::WalNormal, &target).unwrap(), events))
        },
    );
}

fn filled(events: u64) -> Folder {
    let folder = Folder::new();
    let store = Store::<App>::open(on_disk(folder.path()), "bench").unwrap();
    fill(&store, 0, events, 1_000).unwrap();
    store.shutdown().unwrap();
    folder
}

fn filled_by_hand(events: u64) -> Folder {
    let folder = Folder::new();
    let ceiling = Ceiling::open(Mode::WalNormal, folder.path()).unwrap();
    ceiling.fill(0, events, 1_000).unwrap();
    ceiling.checkpoint().unwrap();
    folder
}

fn startup(bench: &Bench, events: u64, target: &str) {
    let (ours, by_hand) = (filled(events), filled_by_hand(events));
    let state: u64 = ours.files("state-", ".db").iter().map(|file| file.metadata().unwrap().len()).sum();
    let (mut memory, mut memory_by_hand) = (Vec::new(), Vec::new());
    let what = format!("open a store of {events} events and answer the first query, CPU");
    bench.compare(
        ("P10", &what, target),
        Unit::Millis,
        || child(OPEN, ours.path(), &mut memory),
        || child(START, by_hand.path(), &mut memory_by_hand),
    );
    let what = format!("its resident memory, {events} events, state of {:.1} MB", state as f64 / 1e6);
    let target = format!("≤ {:.1} MB", 12.0 + 2.0 * state as f64 / 1e6);
    let (mut memory, mut memory_by_hand) = (memory.into_iter(), memory_by_hand.into_iter());
    bench.compare(
        ("P10", &what, &target),
        Unit::Megabytes,
        || memory.next().unwrap_or(f64::NAN),
        || memory_by_hand.next().unwrap_or(f64::NAN),
    );
}
