//! Directories and files that are not what they should be: a typed error or a cure, never a panic, never a silent loss.

use livestore::*;
use livestore_tests::dump;
use livestore_tests::ledger::{App, Stepped};
use livestore_tests::rng::Rng;
use livestore_tests::scratch::{Scratch, files};
use std::path::{Path, PathBuf};

const STORE: &str = "main";
const COMMITS: i64 = 120;

fn open(directory: &Path) -> Result<Store<App>, OpenError> {
    Store::open(native(directory), STORE)
}

/// A closed store with some content.
fn filled(name: &str) -> Scratch {
    let directory = Scratch::new(name);
    let store = open(directory.path()).expect("the store opens");
    for seq in 1..=COMMITS {
        let text = "text ".repeat(seq as usize % 40);
        store.commit(Stepped { run: 1, thread: 1, seq, text }).expect("it is taken");
    }
    store.shutdown().expect("it drains");
    directory
}

fn eventlog(directory: &Scratch) -> PathBuf {
    directory.store(STORE).join("eventlog.db")
}

/// Every event that the store gives, or the error that ends the reading.
fn events(store: &Store<App>) -> Result<Vec<String>> {
    let mut stream = store.raw_events();
    std::iter::from_fn(|| stream.try_next()).map(|event| Ok(format!("{:?}", event?.event))).collect()
}

fn refused(directory: &Path) -> OpenError {
    let error = open(directory).expect_err("it is refused");
    let text = error.to_string();
    assert!(!text.ends_with('.') && text.len() > 20, "{text}");
    error
}

#[test]
fn a_store_id_breaks_its_rules() {
    let directory = Scratch::new("id");
    for id in ["", "a b", "../up", "a/b", "é", "a\0b", &"x".repeat(101)] {
        let error = Store::<App>::open(native(directory.path()), id).expect_err("it is no store id");
        assert!(matches!(error, OpenError::StoreId(_)), "{error}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).expect("it reads").count(), 0, "nothing was made");
}

#[test]
fn a_directory_cannot_be_made_or_written() {
    let directory = Scratch::new("way");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("it is written");
    let storage = |error| match error {
        OpenError::Storage(error) => error,
        error => panic!("{error}"),
    };
    let error = storage(refused(&file.join("below")));
    assert_eq!(error.kind, StorageKind::NotWritable, "{error}");
    assert!(error.to_string().contains("file"), "{error}");
    assert!(storage(refused(&file)).path.is_some());
    std::fs::write(directory.store(STORE), "").expect("a file where the store's folder should be");
    assert!(storage(refused(directory.path())).path.is_some_and(|path| path.ends_with("store-main")));
    // Where nobody may write, not even the superuser.
    #[cfg(target_os = "linux")]
    assert!(storage(refused(Path::new("/proc/livestore"))).path.is_some());
}

#[test]
fn a_folder_stands_where_a_file_should() {
    let directory = filled("folder");
    dump::delete_state(&directory.store(STORE));
    let log = eventlog(&directory);
    std::fs::remove_file(&log).expect("it is removed");
    std::fs::create_dir(&log).expect("it is made");
    assert!(refused(directory.path()).to_string().contains("eventlog.db"));
}

#[test]
fn newer_formats_are_refused_and_left_alone() {
    let newer = |directory: &Scratch, name: &str| {
        let before = named(directory.path(), name);
        let error = refused(directory.path());
        let is_newer = matches!(&error, OpenError::NewerFormat { path, found, supported }
            if *found == supported + 1 && path.to_string_lossy().contains(name));
        assert!(is_newer, "{error}");
        assert!(before == named(directory.path(), name), "{name} was changed");
    };
    let directory = filled("newer-directory");
    std::fs::write(directory.path().join("livestore.json"), r#"{"format":2,"who":"abc"}"#).expect("it is written");
    newer(&directory, "livestore.json");
    let directory = filled("newer-log");
    let db = dump::open(&eventlog(&directory));
    db.execute_batch("PRAGMA user_version=3").expect("it is written");
    drop(db);
    newer(&directory, "eventlog.db");
    let directory = filled("newer-journal");
    let journal = directory.store(STORE).join("journal-0000000000000000000000-000000.log");
    std::fs::write(journal, "LvJrnl02 whatever a newer version writes").expect("it is written");
    newer(&directory, "journal-");
}

/// The content of the files whose name begins so.
fn named(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    let folders = [folder.to_owned(), folder.join("store-main")];
    let found = folders.iter().filter(|folder| folder.is_dir()).flat_map(|folder| files(folder, name, ""));
    found.map(|path| std::fs::read(path).expect("it reads")).collect()
}

#[test]
fn foreign_files_are_refused_and_left_alone() {
    let foreign = |directory: &Scratch, name: &str| {
        let before = named(directory.path(), name);
        let error = refused(directory.path());
        assert!(matches!(&error, OpenError::Foreign { path, .. } if path.ends_with(name)), "{error}");
        assert!(before == named(directory.path(), name), "{name} was changed");
    };
    for text in ["", "not json", "[]", "{}", r#"{"format":1}"#, r#"{"format":1,"clientId":"../../x"}"#, "\u{0}"] {
        let directory = Scratch::new("foreign");
        std::fs::write(directory.path().join("livestore.json"), text).expect("it is written");
        foreign(&directory, "livestore.json");
    }
    let directory = Scratch::new("foreign-text");
    std::fs::create_dir(directory.store(STORE)).expect("it is made");
    std::fs::write(eventlog(&directory), "a text that is longer than a header of SQLite ".repeat(20))
        .expect("it is written");
    foreign(&directory, "eventlog.db");
    let directory = Scratch::new("foreign-db");
    std::fs::create_dir(directory.store(STORE)).expect("it is made");
    let db = rusqlite::Connection::open(eventlog(&directory)).expect("it is made");
    db.execute_batch("CREATE TABLE notes(id INTEGER PRIMARY KEY); INSERT INTO notes VALUES(1)").expect("it is written");
    drop(db);
    foreign(&directory, "eventlog.db");
}

/// How many damaged files: few in everyday runs.
fn seeds() -> u64 {
    if std::env::var_os("CI").is_some() { 200 } else { 40 }
}

/// Flips, cuts or zeroes some of the file; says what it did.
fn damage(path: &Path, rng: &mut Rng) -> String {
    let mut bytes = std::fs::read(path).expect("it reads");
    let len = bytes.len() as u64;
    let what = match rng.below(4) {
        0 => {
            let flips = 1 + rng.below(20);
            for _ in 0..flips {
                bytes[rng.below(len) as usize] ^= 1 << rng.below(8);
            }
            format!("{flips} flips")
        }
        1 => {
            let page = rng.below(len / 4096) as usize * 4096;
            bytes[page..page + 4096].fill(0);
            format!("the page at {page} zeroed")
        }
        2 => {
            let left = rng.below(len) as usize;
            bytes.truncate(left);
            format!("cut to {left}")
        }
        _ => {
            let page = rng.below(len / 4096) as usize * 4096;
            (page..page + 4096).for_each(|at| bytes[at] = rng.below(256) as u8);
            format!("the page at {page} overwritten")
        }
    };
    std::fs::write(path, bytes).expect("it is written");
    what
}

#[test]
fn damaged_state_is_rebuilt() {
    let seed = Rng::seed();
    let whole = filled("state");
    let mut rebuilt = 0;
    for seed in (0..seeds()).map(|nth| seed.wrapping_add(nth)) {
        let mut rng = Rng::new(seed);
        let directory = whole.copy();
        let path = dump::state_file(&directory.store(STORE));
        let what = match rng.below(10) {
            0 => std::fs::write(&path, "").map(|()| "emptied".to_owned()).expect("it is written"),
            // Flips in a value keep the file whole: no check short of a replay finds them.
            _ => loop {
                let before = std::fs::read(&path).expect("it reads");
                let what = damage(&path, &mut rng);
                if !what.contains("flips") {
                    break what;
                }
                std::fs::write(&path, before).expect("it is written");
            },
        };
        let mut reports = 0;
        let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let to = std::sync::Arc::clone(&count);
        let opened = Store::<App>::builder(native(directory.path()), STORE)
            .on_progress(move |report| {
                let is_rebuilding = matches!(report, OpenProgress::Rebuilding { .. });
                to.fetch_add(u64::from(is_rebuilding), std::sync::atomic::Ordering::Relaxed);
            })
            .open();
        let store = opened.unwrap_or_else(|error| panic!("SEED={seed} {what}: {error}"));
        reports += count.load(std::sync::atomic::Ordering::Relaxed);
        rebuilt += u64::from(reports > 0);
        store.commit(Stepped { run: 1, thread: 1, seq: COMMITS + 1, text: String::new() }).expect("it goes on");
        store.shutdown().expect("it drains");
        drop(store);
        let state = dump::state(&directory.store(STORE));
        dump::delete_state(&directory.store(STORE));
        drop(open(directory.path()).expect("it opens"));
        let replayed = dump::state(&directory.store(STORE));
        let differing = state.lines().zip(replayed.lines()).find(|(kept, replayed)| kept != replayed);
        assert!(state == replayed, "SEED={seed} {what}, {reports} reports: {differing:?}");
    }
    assert!(rebuilt > seeds() / 2, "SEED={seed} only {rebuilt} were rebuilt");
}

/// What a rescuer gets out of a copy of the file, event by event.
fn readable(directory: &Scratch) -> Vec<Option<String>> {
    let copy = directory.path().join("copy.db");
    std::fs::copy(eventlog(directory), &copy).expect("it is copied");
    let db = dump::open(&copy);
    let read = |place| db.query_row("SELECT args FROM events WHERE place = ?1", [place], |row| row.get(0)).ok();
    (1..=COMMITS).map(read).collect()
}

#[test]
fn a_damaged_eventlog_is_never_overwritten_and_loses_nothing_silently() {
    let seed = Rng::seed();
    let whole = filled("log");
    let expected = events(&open(whole.path()).expect("it opens")).expect("it reads");
    assert_eq!(expected.len() as i64, COMMITS);
    let (mut refusals, mut errors) = (0, 0);
    for seed in (0..seeds()).map(|nth| seed.wrapping_add(nth)) {
        let mut rng = Rng::new(seed);
        let directory = whole.copy();
        if rng.one_in(2) {
            dump::delete_state(&directory.store(STORE));
        }
        let what = damage(&eventlog(&directory), &mut rng);
        let left = readable(&directory);
        match open(directory.path()) {
            Err(error) => {
                refusals += 1;
                let is_typed = matches!(
                    error,
                    OpenError::DamagedLog { .. } | OpenError::Foreign { .. } | OpenError::NewerFormat { .. }
                );
                assert!(is_typed, "SEED={seed} {what}: {error:?}");
                assert!(left == readable(&directory), "SEED={seed} {what}: less can be saved than before ({error})");
            }
            Ok(store) => match events(&store) {
                Err(_) => errors += 1,
                Ok(found) => assert!(found == expected, "SEED={seed} {what}: {} events are left", found.len()),
            },
        }
    }
    assert!(refusals > seeds() / 10 && errors > 0, "SEED={seed} {refusals} refusals, {errors} errors while reading");
}

#[test]
fn an_eventlog_that_lost_its_end_is_refused() {
    let directory = Scratch::new("end");
    let commit = |seqs: std::ops::RangeInclusive<i64>| {
        let store = open(directory.path()).expect("it opens");
        for seq in seqs {
            store.commit(Stepped { run: 1, thread: 1, seq, text: String::new() }).expect("it is taken");
        }
        store.shutdown().expect("it drains");
    };
    commit(1..=5);
    let older = std::fs::read(eventlog(&directory)).expect("it reads");
    commit(6..=9);
    let is_damaged = |what: &str| {
        let error = refused(directory.path());
        let is_damaged = matches!(&error, OpenError::DamagedLog { message, .. } if message.contains(what));
        assert!(is_damaged, "{error}");
    };
    std::fs::write(eventlog(&directory), &older).expect("an older copy is put back");
    is_damaged("ends with event 5 and had 9");
    std::fs::remove_file(eventlog(&directory)).expect("it is removed");
    is_damaged("ends with event 0 and had 9");
    std::fs::write(eventlog(&directory), &older).expect("an older copy is put back");
    // What the message says to do, where the older copy is all that is left.
    dump::delete_state(&directory.store(STORE));
    assert_eq!(events(&open(directory.path()).expect("it opens")).expect("it reads").len(), 5);
}

#[test]
fn a_write_ahead_log_without_its_database_is_not_thrown_away() {
    let directory = filled("wal");
    dump::delete_state(&directory.store(STORE));
    let wal = eventlog(&directory).with_extension("db-wal");
    std::fs::write(eventlog(&directory), "").expect("it is emptied");
    std::fs::write(&wal, "what may be the only copy").expect("it is written");
    assert!(matches!(refused(directory.path()), OpenError::DamagedLog { .. }));
    assert_eq!(std::fs::read(&wal).expect("it is there"), b"what may be the only copy");
}

#[test]
fn text_that_is_no_text_any_more_is_damage() {
    let whole = filled("no-text");
    let bytes = std::fs::read(eventlog(&whole)).expect("it reads");
    let name = b"v1.Stepped";
    let places = (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name));
    // Wherever the name stands: in an event, or in the list of names.
    let refused = places.filter(|at| {
        let directory = whole.copy();
        let mut bytes = bytes.clone();
        bytes[at + 5] ^= 0x80;
        std::fs::write(eventlog(&directory), bytes).expect("it is written");
        let refused = open(directory.path()).err();
        let is_damage = |error: &OpenError| matches!(error, OpenError::DamagedLog { .. });
        assert!(refused.as_ref().is_none_or(is_damage), "at {at}: {refused:?}");
        refused.is_some()
    });
    assert!(refused.count() >= 2, "the last event and the list of names are read at the start");
}
