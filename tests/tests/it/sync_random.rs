//! Clients with several sessions, and a backend that misbehaves at random: in the end, all hold each event once.

use livestore::*;
use livestore_tests::notes::*;
use livestore_tests::rng::Rng;
use std::time::Duration;

fn fault(rng: &mut Rng) -> Fault {
    match rng.below(11) {
        0 => Fault::LoseAnswer,
        1 => Fault::LosePush,
        2 => Fault::Busy,
        3 => Fault::LosePage,
        4 => Fault::DuplicatePage,
        5 => Fault::OverlapPage { events: rng.below(20) },
        6 => Fault::GapInPage,
        7 => Fault::CutAfter { events: rng.below(5) as usize },
        8 => Fault::GiantNumbers,
        9 => Fault::WrongParent,
        _ => Fault::ReversedPage,
    }
}

/// One step; the lines that it committed.
fn step(rng: &mut Rng, backend: &MemoryBackend, stores: &[Store<App>]) -> Vec<String> {
    let store = &stores[rng.below(stores.len() as u64) as usize];
    match rng.below(12) {
        0 => backend.inject(fault(rng)),
        1 => backend.disconnect_all(),
        2 => backend.set_online(!rng.one_in(2)),
        3 => backend.hold(),
        4 => backend.release(),
        5 => drop(store.commit(View::set().search(rng.below(100).to_string())).unwrap()),
        6 => drop(store.wait_synced(Duration::from_millis(20))),
        _ => {
            let texts: Vec<String> = (0..=rng.below(3)).map(|_| format!("{:016x}", rng.next_u64())).collect();
            let events: Vec<_> = texts.iter().map(|text| Written { text: text.clone() }).collect();
            store.commit(events).unwrap();
            return texts;
        }
    }
    Vec::new()
}

#[allow(clippy::print_stdout)]
fn check(seed: u64, backend: &MemoryBackend) {
    println!("SEED={seed}");
    let mut rng = Rng::new(seed);
    let (first, second) = (memory(), memory());
    let stores = [open(first.clone(), backend), open(first, backend), open(second, backend), client(backend)];
    let texts: Vec<String> = (0..150).flat_map(|_| step(&mut rng, backend, &stores)).collect();
    backend.clear_faults();
    backend.set_online(true);
    backend.release();
    for store in &stores {
        // Each call hurries whoever waits before a retry.
        let is_synced = (0..150).any(|_| store.wait_synced(Duration::from_millis(200)));
        assert!(is_synced, "{:?} {:?}", store.sync_status(), store.status());
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    check_converged(backend, &stores.iter().collect::<Vec<_>>(), &texts);
}

#[test]
fn clients_converge_over_random_faults() {
    let seed = Rng::seed();
    (0..5).for_each(|run| check(seed.wrapping_add(run), &MemoryBackend::new()));
}

#[test]
fn clients_converge_over_random_faults_of_a_backend_like_the_original() {
    let seed = Rng::seed();
    (0..5).for_each(|run| check(seed.wrapping_add(run), &MemoryBackend::like_the_original()));
}
