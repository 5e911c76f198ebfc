//! The in-memory backend of the library against the suite for sync providers, also with its faults.

use livestore::{Fault, MemoryBackend};
use livestore_conformance::sync::{self, Door, Subject, pull, push};
use livestore_conformance::{Check, Miss};
use std::time::Duration;

struct Memory {
    is_like_the_original: bool,
    fault: Option<Fault>,
}

impl Subject for Memory {
    type Provider = MemoryBackend;
    type Backend = MemoryBackend;

    fn backend(&self) -> MemoryBackend {
        let backend = if self.is_like_the_original { MemoryBackend::like_the_original() } else { MemoryBackend::new() };
        if let Some(fault) = &self.fault {
            backend.inject_times(1_000, fault);
        }
        backend
    }

    fn provider(&self, backend: &MemoryBackend) -> MemoryBackend {
        backend.clone()
    }

    fn keeps_identity(&self) -> bool {
        !self.is_like_the_original
    }

    fn disconnect(&self, backend: &MemoryBackend) -> bool {
        backend.disconnect_all();
        true
    }

    fn set_door(&self, backend: &MemoryBackend, door: Door) -> bool {
        backend.set_online(door != Door::Offline);
        backend.refuse_auth((door == Door::Unauthorized).then_some("no token"));
        true
    }

    fn replace_backend(&self, backend: &MemoryBackend) -> bool {
        backend.replace();
        true
    }

    fn patience(&self) -> Duration {
        // What a fault withholds is not waited for long.
        if self.fault.is_none() { sync::PATIENCE } else { Duration::from_millis(500) }
    }
}

#[test]
fn the_memory_backend_conforms() {
    let report = sync::run(&Memory { is_like_the_original: false, fault: None });
    report.assert_passed();
    assert_eq!(report.names_not_applicable(), [""; 0], "{report}");
}

#[test]
fn the_memory_backend_like_the_original_conforms() {
    let report = sync::run(&Memory { is_like_the_original: true, fault: None });
    report.assert_passed();
    let without =
        ["groups_are_not_split_over_pages", "a_repeat_is_accepted_once", "ids_at_other_numbers_are_no_repeat"];
    assert_eq!(report.names_not_applicable(), without, "{report}");
}

fn check(fault: &Fault, point: fn(&Memory) -> Check) {
    let found = point(&Memory { is_like_the_original: false, fault: Some(fault.clone()) });
    assert!(matches!(found, Err(Miss::Failed(_))), "{fault:?} was not found out: {found:?}");
}

#[test]
fn its_faults_are_found_out() {
    for fault in [
        Fault::LosePage,
        Fault::DuplicatePage,
        Fault::OverlapPage { events: 2 },
        Fault::GapInPage,
        Fault::GiantNumbers,
        Fault::WrongParent,
        Fault::ReversedPage,
        Fault::CutAfter { events: 3 },
    ] {
        check(&fault, pull::ten_thousand_events_come_in_pages);
    }
    for fault in [Fault::LoseAnswer, Fault::LosePush, Fault::Busy] {
        check(&fault, push::a_late_push_is_told_that_the_backend_is_ahead);
    }
}
