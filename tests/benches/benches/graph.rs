//! P6 and P12: many live queries, and the reactivity graph by itself.

use livestore::{LiveQuery, Store, Subscription, Table, computed, memory, signal};
use livestore_benches::app::{App, Todo, TodoRenamed, fill, id};
use livestore_benches::{Bench, Unit, cpu_of, median, thread_cpu};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() {
    let bench = Bench::from_args();
    if bench.wants("P6") {
        by_key(&bench);
    }
    if bench.wants("P12") {
        for nodes in [1_000, 10_000].map(|nodes| bench.size(nodes, 10)) {
            let what = format!("a signal with {nodes} computed values on it, per node");
            let mut set = fan_out(nodes);
            bench.alone(("P12", &what, "≤ 100 ns"), Unit::Nanos, || set() / nodes as f64);
        }
        let nodes = bench.size(1_000, 10);
        let mut set = chain(nodes);
        let what = format!("a chain of {nodes} computed values");
        bench.alone(("P12", &what, "≤ 0.3 ms"), Unit::Millis, &mut set);
    }
}

/// One write to a table that many live queries read by key, against the same with one live query.
fn by_key(bench: &Bench) {
    let many = bench.size(10_000, 10);
    let what = format!("a write with {many} live queries by key on its table; beside it, with one");
    let (mut many, mut one) = (watched(bench, many), watched(bench, 1));
    bench.compare(("P6", &what, "≤ 1.3 ×, 1 query re-run"), Unit::Micros, &mut many, &mut one);
}

fn watched(bench: &Bench, queries: u64) -> impl FnMut() -> f64 {
    let store = Store::<App>::open(memory(), "bench").unwrap();
    fill(&store, 0, 10_000, 1_000).unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let watch = |number| {
        let query = Todo::query().filter(|t| t.id.eq(id(number))).first();
        let calls = Arc::clone(&calls);
        let count = move |_: &Option<Todo>| {
            calls.fetch_add(1, Ordering::Relaxed);
        };
        store.subscribe(&query, count).unwrap()
    };
    let subscriptions: Vec<_> = (0..queries).map(watch).collect();
    let writes = bench.size(50, 2);
    let mut written = 0;
    move || {
        calls.store(0, Ordering::Relaxed);
        let times = (0..writes).map(|_| {
            written += 1;
            let event = TodoRenamed { id: id(0), text: format!("text {written}") };
            cpu_of(thread_cpu, || drop(store.commit(event).unwrap()))
        });
        let time = median(times.collect());
        assert_eq!((calls.load(Ordering::Relaxed), subscriptions.len() as u64), (writes, queries));
        time
    }
}

/// The time of one set, with every value on the signal watched.
fn fan_out(nodes: u64) -> impl FnMut() -> f64 {
    let store = Store::<App>::open(memory(), "bench").unwrap();
    let source = signal(0_u64);
    let subscriptions: Vec<Subscription> = (0..nodes)
        .map(|number| {
            let source = source.clone();
            let value = computed(move |cx| Ok(*cx.get(&source)? + number));
            store.subscribe(&value, |_| {}).unwrap()
        })
        .collect();
    let mut next = 0;
    move || {
        let times = (0..10).map(|_| {
            next += 1;
            cpu_of(thread_cpu, || store.set_signal(&source, next).unwrap())
        });
        let time = median(times.collect());
        assert_eq!(subscriptions.len() as u64, nodes);
        time
    }
}

/// The time of one set at the bottom, with the top watched. Built from the bottom, so that no first run is deep.
fn chain(nodes: u64) -> impl FnMut() -> f64 {
    let store = Store::<App>::open(memory(), "bench").unwrap();
    let source = signal(0_u64);
    let mut top: LiveQuery<u64> = computed({
        let source = source.clone();
        move |cx| Ok(*cx.get(&source)?)
    });
    let mut watched = Vec::new();
    for _ in 1..nodes {
        store.query(&top).unwrap();
        let below = top.clone();
        top = computed(move |cx| Ok(*cx.get(&below)? + 1));
        watched.push(top.clone());
    }
    let subscription = store.subscribe(&top, |_| {}).unwrap();
    let mut next = 0;
    move || {
        let times = (0..10).map(|_| {
            next += 1;
            cpu_of(thread_cpu, || store.set_signal(&source, next).unwrap())
        });
        let time = median(times.collect());
        assert_eq!(*store.query(&top).unwrap(), next + nodes - 1);
        let _ = &subscription;
        time
    }
}
