//! The adapters of the library against the suite, and adapters that break a promise.

use livestore::{MemoryAdapter, NativeAdapter, memory, native};
use livestore_conformance::adapter::{self, Subject};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

struct Memory;

impl Subject for Memory {
    type Adapter = MemoryAdapter;
    type Place = MemoryAdapter;

    fn place(&self) -> MemoryAdapter {
        memory()
    }

    fn adapter(&self, place: &MemoryAdapter) -> MemoryAdapter {
        place.clone()
    }
}

/// A directory that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("livestore-conformance-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Native;

impl Subject for Native {
    type Adapter = NativeAdapter;
    type Place = Folder;

    fn place(&self) -> Folder {
        Folder::new()
    }

    fn adapter(&self, place: &Folder) -> NativeAdapter {
        native(&place.0)
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn process(&self, place: &Folder, store_id: &str) -> Option<Command> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conformance-session"));
        command.arg(&place.0).arg(store_id);
        Some(command)
    }
}

#[test]
fn memory_conforms() {
    let report = adapter::run(&Memory);
    report.assert_passed();
    let not_applicable = [
        "boot_again_after_a_close",
        "keeps_everything_in_order",
        "keeps_what_a_drop_leaves",
        "keeps_groups_whole",
        "keeps_what_is_client_only",
        "rebuilds_state_from_the_log",
        "one_leader_for_many_processes",
        "a_killed_process_loses_nothing",
        "a_closed_process_hands_over",
    ];
    assert_eq!(report.names_not_applicable(), not_applicable, "{report}");
}

#[test]
fn native_conforms() {
    let report = adapter::run(&Native);
    report.assert_passed();
    assert_eq!(report.names_not_applicable(), [""; 0], "{report}");
}

/// Says that it keeps everything, and keeps nothing.
struct Forgetful;

impl Subject for Forgetful {
    type Adapter = MemoryAdapter;
    type Place = MemoryAdapter;

    fn place(&self) -> MemoryAdapter {
        memory()
    }

    fn adapter(&self, place: &MemoryAdapter) -> MemoryAdapter {
        place.clone()
    }

    fn is_persistent(&self) -> bool {
        true
    }
}

#[test]
fn an_adapter_that_forgets_is_found_out() {
    let failed = adapter::boot::run(&Forgetful).names_failed();
    assert_eq!(failed, ["boot_again_after_a_close"]);
    let report = adapter::persistence::keeps_what_is_client_only(&Forgetful);
    assert!(report.is_err(), "{report:?}");
}

/// Each handle is a client of its own, so that no two see each other.
struct Scattered;

impl Subject for Scattered {
    type Adapter = MemoryAdapter;
    type Place = ();

    fn place(&self) {}

    fn adapter(&self, (): &()) -> MemoryAdapter {
        memory()
    }
}

#[test]
fn an_adapter_of_several_clients_is_found_out() {
    assert_eq!(adapter::boot::run(&Scattered).names_failed(), ["boot_refuses_another_schema"]);
    assert!(adapter::persistence::keeps_the_client_and_mints_sessions(&Scattered).is_err());
}

/// All places are one.
struct Shared(MemoryAdapter);

impl Subject for Shared {
    type Adapter = MemoryAdapter;
    type Place = ();

    fn place(&self) {}

    fn adapter(&self, (): &()) -> MemoryAdapter {
        self.0.clone()
    }
}

#[test]
fn places_that_are_one_are_found_out() {
    let failed = adapter::isolation::run(&Shared(memory())).names_failed();
    assert_eq!(failed, ["places_are_clients"]);
}

/// A program that does not serve.
struct Mute;

impl Subject for Mute {
    type Adapter = NativeAdapter;
    type Place = Folder;

    fn place(&self) -> Folder {
        Folder::new()
    }

    fn adapter(&self, place: &Folder) -> NativeAdapter {
        native(&place.0)
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn process(&self, _: &Folder, _: &str) -> Option<Command> {
        Some(Command::new("true"))
    }
}

#[test]
fn processes_that_do_not_serve_are_found_out() {
    let failed = adapter::leadership::run(&Mute).names_failed();
    assert_eq!(
        failed,
        ["one_leader_for_many_processes", "a_killed_process_loses_nothing", "a_closed_process_hands_over"]
    );
}
