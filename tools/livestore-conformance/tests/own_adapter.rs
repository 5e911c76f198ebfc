//! An adapter that is written outside of the library, against the suite: a place is packed into an archive when its last session
//! closes, and unpacked when a store is opened again.

use livestore::*;
use livestore_conformance::adapter::{self, Subject};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Files by name.
type Files = Vec<(PathBuf, Vec<u8>)>;

#[derive(Default)]
struct Shelf {
    archive: Files,
    sessions: usize,
    /// Where the files are while there are sessions.
    folder: PathBuf,
}

#[derive(Clone, Default)]
struct Archive(Arc<Mutex<Shelf>>);

/// Packs everything again when the last of its kind is gone.
struct Session(Archive);

impl Adapter for Archive {
    fn connect(&self, boot: Boot<'_>) -> std::result::Result<Connected, OpenError> {
        // Held to the end: nobody opens a store while others pack or unpack.
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.sessions == 0 {
            shelf.folder = unpack(&shelf.archive);
        }
        let connected = native(&shelf.folder).connect(boot)?;
        shelf.sessions += 1;
        Ok(connected.keep(Session(self.clone())))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut shelf = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.sessions -= 1;
        if shelf.sessions == 0 {
            shelf.archive.clear();
            let folder = std::mem::take(&mut shelf.folder);
            pack(&folder, Path::new(""), &mut shelf.archive);
            std::fs::remove_dir_all(&folder).expect("its stores are closed");
        }
    }
}

fn unpack(files: &[(PathBuf, Vec<u8>)]) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("livestore-archive-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    for (name, bytes) in files {
        let path = folder.join(name);
        path.parent().map(std::fs::create_dir_all).expect("it is inside").expect("there is room");
        std::fs::write(path, bytes).expect("there is room");
    }
    folder
}

fn pack(folder: &Path, inside: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(folder.join(inside)).expect("it is there").flatten() {
        let name = inside.join(entry.file_name());
        if entry.path().is_dir() {
            pack(folder, &name, files);
        } else {
            files.push((name, std::fs::read(entry.path()).expect("it reads")));
        }
    }
}

struct Archived;

impl Subject for Archived {
    type Adapter = Archive;
    type Place = Archive;

    fn place(&self) -> Archive {
        Archive::default()
    }

    fn adapter(&self, place: &Archive) -> Archive {
        place.clone()
    }

    fn is_persistent(&self) -> bool {
        true
    }
}

#[test]
fn an_adapter_of_one_s_own_conforms() {
    let report = adapter::run(&Archived);
    report.assert_passed();
    let processes = ["one_leader_for_many_processes", "a_killed_process_loses_nothing", "a_closed_process_hands_over"];
    assert_eq!(report.names_not_applicable(), processes, "{report}");
}
