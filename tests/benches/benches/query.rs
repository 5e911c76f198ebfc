//! P5, P7 and P8: from a commit to a subscriber, an unchanged live query, and decoding.

use livestore::{Store, Table, memory, query_db};
use livestore_benches::app::{App, Todo, created, fill};
use livestore_benches::ceiling::{self, Ceiling, Mode};
use livestore_benches::{Bench, Folder, Unit, cpu_of, median, thread_cpu};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The first number that is in a table: later commits count down, so that each of them changes the first page.
const FIRST: u64 = 10_000_000;

fn main() {
    let bench = Bench::from_args();
    if bench.wants("P5") {
        let sizes = [1_000, 10_000, 100_000];
        for rows in sizes.map(|rows| bench.size(rows, rows / 100)) {
            let what = format!("commit → callback, `limit 50` over {rows} rows, caller's CPU, p50");
            let (store, by_hand) = (opened(rows), filled(rows));
            let figure = ("P5", &*what, "≤ 35 µs, 100k ≤ 1.2 × 1k");
            let calls = bench.size(1_000, 5);
            bench.compare(figure, Unit::Micros, callbacks(&store, calls), requeries(&by_hand, calls));
        }
    }
    for rows in [10, 10_000, 100_000].map(|rows| bench.size(rows, 10)) {
        if bench.wants("P7") {
            let what = format!("unchanged live query of {rows} rows read again");
            let reads = bench.size(100_000, 10);
            let store = opened(rows);
            let query = query_db(Todo::query());
            assert_eq!(store.query(&query).unwrap().len(), rows as usize);
            bench.alone(("P7", &what, "≤ 200 ns"), Unit::Nanos, || {
                let read = || (0..reads).for_each(|_| drop(black_box(store.query(&query).unwrap())));
                cpu_of(thread_cpu, read) / reads as f64
            });
        }
    }
    if bench.wants("P8") {
        let rows = bench.size(10_000, 10);
        let (store, by_hand) = (opened(rows), filled(rows));
        let figure = ("P8", "typed decode of 10,000 rows (ratio ≤ 1.11 is ≥ 0.9 of the speed)", "≤ 1.11");
        let query = Todo::query();
        bench.compare(
            figure,
            Unit::Millis,
            || repeated(|| store.query(&query).unwrap().len()),
            || repeated(|| ceiling::all(by_hand.state()).unwrap().len()),
        );
    }
}

fn repeated(read: impl Fn() -> usize) -> f64 {
    const TIMES: usize = 20;
    let work = || {
        for _ in 0..TIMES {
            black_box(read());
        }
    };
    cpu_of(thread_cpu, work) / TIMES as f64
}

fn opened(rows: u64) -> Store<App> {
    let store = Store::<App>::open(memory(), "bench").unwrap();
    fill(&store, FIRST, rows, 100).unwrap();
    store
}

fn filled(rows: u64) -> Ceiling {
    let ceiling = Ceiling::open(Mode::Memory, Folder::new().path()).unwrap();
    ceiling.fill(FIRST, rows, 100).unwrap();
    ceiling
}

/// From the call to the callback, which runs on the committing thread.
fn callbacks(store: &Store<App>, calls: u64) -> impl FnMut() -> f64 {
    let mut next = FIRST;
    move || {
        let called_at = Arc::new(AtomicU64::new(0));
        let page = Todo::query().filter(|t| t.completed.eq(false)).limit(50);
        let subscription = store.subscribe(&page, {
            let called_at = Arc::clone(&called_at);
            move |_| called_at.store(thread_cpu().as_nanos() as u64, Ordering::Relaxed)
        });
        let subscription = subscription.unwrap();
        let times = (0..calls).map(|_| {
            next -= 1;
            let event = created(next);
            let start = thread_cpu();
            store.commit(event).unwrap();
            let end = called_at.swap(0, Ordering::Relaxed);
            assert!(end > 0, "the callback was called");
            (end - start.as_nanos() as u64) as f64 / 1e9
        });
        let time = median(times.collect());
        drop(subscription);
        time
    }
}

fn requeries(ceiling: &Ceiling, calls: u64) -> impl FnMut() -> f64 {
    let mut next = FIRST;
    move || {
        let times = (0..calls).map(|_| {
            next -= 1;
            cpu_of(thread_cpu, || {
                ceiling::insert_alone(ceiling.state(), next).unwrap();
                black_box(ceiling::first_page(ceiling.state()).unwrap());
            })
        });
        median(times.collect())
    }
}
