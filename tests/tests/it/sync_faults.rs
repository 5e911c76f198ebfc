//! Whatever goes wrong between a client and its backend: no event is lost, doubled or stuck.

use livestore::*;
use livestore_tests::notes::*;

const BOTH: [fn() -> MemoryBackend; 2] = [MemoryBackend::new, MemoryBackend::like_the_original];

/// Two clients commit around a fault that meets the pushes of `alice`.
fn check_push_fault(fault: &Fault) {
    for backend in BOTH {
        let backend = backend();
        let (alice, bob) = (client(&backend), client(&backend));
        write(&bob, "b1");
        check_converged(&backend, &[&alice, &bob], &["b1"]);
        backend.inject_for(alice.client_id().as_str(), fault.clone());
        write(&alice, "a1");
        write(&bob, "b2");
        write(&alice, "a2");
        check_converged(&backend, &[&alice, &bob], &["a1", "a2", "b1", "b2"]);
        assert_eq!(backend.faults(), 0, "{fault:?}");
    }
}

/// The same, where it meets the pages that come to `alice`.
fn check_page_fault(fault: &Fault) {
    // What is lost without a trace is looked for after a while only: both wait together.
    std::thread::scope(|scope| {
        BOTH.into_iter().for_each(|backend| drop(scope.spawn(move || check_page(&backend(), fault))))
    });
}

fn check_page(backend: &MemoryBackend, fault: &Fault) {
    let (alice, bob) = (client(backend), client(backend));
    write(&bob, "b1");
    write(&alice, "a1");
    check_converged(backend, &[&alice, &bob], &["a1", "b1"]);
    backend.inject_for(alice.client_id().as_str(), fault.clone());
    // All of it in one page, from somebody who does not wait: the fault has something to spoil.
    backend.hold();
    ["c1", "c2", "c3"].iter().for_each(|text| append(backend, text));
    write(&alice, "a2");
    backend.release();
    wait_for_lines(&bob, 5);
    append(backend, "c4");
    check_converged(backend, &[&alice, &bob], &["a1", "a2", "b1", "c1", "c2", "c3", "c4"]);
    assert_eq!(backend.faults(), 0, "{fault:?}");
}

fn append(backend: &MemoryBackend, text: &str) {
    backend.append(STORE, "carol", "v1.Written", Some(&format!("{{\"text\":\"{text}\"}}")));
}

#[test]
fn the_answer_to_a_push_is_lost() {
    check_push_fault(&Fault::LoseAnswer);
}

#[test]
fn a_push_is_lost() {
    check_push_fault(&Fault::LosePush);
}

#[test]
fn the_backend_is_busy() {
    check_push_fault(&Fault::Busy);
}

#[test]
fn a_page_is_lost() {
    check_page_fault(&Fault::LosePage);
}

#[test]
fn a_page_comes_twice() {
    check_page_fault(&Fault::DuplicatePage);
}

#[test]
fn a_page_overlaps_those_before() {
    check_page_fault(&Fault::OverlapPage { events: 1 });
    check_page_fault(&Fault::OverlapPage { events: 100 });
}

#[test]
fn a_page_has_a_gap() {
    check_page_fault(&Fault::GapInPage);
}

#[test]
fn the_connection_is_cut_within_a_page() {
    check_page_fault(&Fault::CutAfter { events: 0 });
    check_page_fault(&Fault::CutAfter { events: 2 });
}

#[test]
fn a_page_has_giant_numbers() {
    check_page_fault(&Fault::GiantNumbers);
}

#[test]
fn a_page_has_a_wrong_parent() {
    check_page_fault(&Fault::WrongParent);
}

#[test]
fn a_page_comes_in_reverse_order() {
    check_page_fault(&Fault::ReversedPage);
}

#[test]
fn an_echo_is_lost_and_pulled() {
    for backend in BOTH {
        let backend = backend();
        let store = client(&backend);
        assert!(store.wait_synced(LONG));
        backend.inject(Fault::LosePage);
        let receipt = write(&store, "a");
        assert!(!receipt.wait(LONG).unwrap().is_provisional);
        check_converged(&backend, &[&store], &["a"]);
    }
}

#[test]
fn connections_are_cut_again_and_again() {
    for backend in BOTH {
        let backend = backend();
        let (alice, bob) = (client(&backend), client(&backend));
        let texts: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        for (index, text) in texts.iter().enumerate() {
            write(if index % 2 == 0 { &alice } else { &bob }, text);
            if index % 8 == 0 {
                backend.disconnect_all();
                assert!(alice.wait_synced(LONG));
            }
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        check_converged(&backend, &[&alice, &bob], &texts);
    }
}

#[test]
fn a_client_joins_a_log_of_many_pages() {
    for backend in BOTH {
        let backend = backend();
        let texts: Vec<String> = (0..1_050).map(|number| number.to_string()).collect();
        texts.iter().for_each(|text| append(&backend, text));
        let store = client(&backend);
        write(&store, "own");
        let texts: Vec<&str> = texts.iter().map(String::as_str).chain(["own"]).collect();
        check_converged(&backend, &[&store], &texts);
    }
}
