//! SQLite fails at each of its I/O points, in five ways; whoever opens the store next finds every commit, once and in order.
//!
//! `FAULTS=all` visits every point; otherwise a part of them, a larger one with `CI`. A complaint names scenario, mode and point, and
//! `SCENARIO=name` visits that one alone.
#![cfg(unix)]

mod after;
mod synced;

use livestore::*;
use livestore_tests::dump;
use livestore_tests::fault_vfs::{Fault, FaultVfs};
use livestore_tests::ledger::{App, Ledger, NextApp, Stepped, Verdicts};
use livestore_tests::scratch::Scratch;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STORE: &str = "faulty";
/// The points that are visited in each scenario and mode, where not all are.
const POINTS: u64 = 6;
const POINTS_IN_CI: u64 = 36;

/// What the application said and met while the disk failed.
#[derive(Default)]
struct Book {
    said: String,
    /// What is no right answer to a failing disk.
    complaints: Vec<String>,
    /// Errors that were told, typed as they should be.
    told: u64,
    lasts: bool,
}

impl Book {
    fn meet(&mut self, error: &StorageError) {
        self.told += 1;
        if !matches!(error.kind, StorageKind::Io | StorageKind::Full | StorageKind::NotWritable) {
            self.complaints.push(format!("the wrong kind: {error:?}"));
        }
    }

    fn open<S: Schema>(&mut self, directory: &Path) -> Option<Store<S>> {
        match Store::<S>::open(native(directory), STORE) {
            Ok(store) => return Some(store),
            Err(OpenError::Storage(error)) => self.meet(&error),
            Err(error) => self.complaints.push(format!("the wrong error at open: {error}")),
        }
        None
    }

    /// Commits groups of so many events, each confirmed before the next where the disk lets it be.
    fn commit<S: Schema>(&mut self, store: &Store<S>, groups: i64, events: i64)
    where
        Vec<Stepped>: Commit<S>,
    {
        for group in 0..groups {
            let first = group * events + 1;
            let last = first + events - 1;
            let step = |seq| Stepped { run: 2, thread: 1, seq, text: "x".repeat(300) };
            self.said += &format!("begin 1 {last}\n");
            match store.commit((first..=last).map(step).collect::<Vec<_>>()) {
                Ok(receipt) => {
                    self.said += &format!("ack 1 {last}\n");
                    self.settle(store, &receipt);
                }
                Err(CommitError::Storage(error)) => return self.meet(&error),
                Err(error) => return self.complaints.push(format!("the wrong error at commit: {error}")),
            }
        }
    }

    fn settle<S: Schema>(&mut self, store: &Store<S>, receipt: &Receipt) {
        loop {
            match receipt.wait(Duration::from_millis(20)) {
                Ok(_) => return,
                Err(WaitError::Timeout { .. }) => {}
                Err(error) => return self.complaints.push(error.to_string()),
            }
            if let LeaderState::Retrying { error, .. } = store.status().leader {
                self.meet(&error);
                if self.lasts {
                    return;
                }
            }
        }
    }
}

/// One thing that a store does, the directory that it does it in, and what it does.
struct Scenario {
    name: &'static str,
    before: fn() -> Directory,
    run: fn(&Path, &mut Book),
}

/// A directory as it is before the run, and what was said while it was made.
struct Directory {
    scratch: Scratch,
    said: String,
}

const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "first open", before: empty, run: |at, book| drop(book.open::<App>(at)) },
    Scenario { name: "commit", before: closed, run: |at, book| commits(at, book, 5, 1) },
    Scenario { name: "group commit", before: closed, run: |at, book| commits(at, book, 3, 6) },
    Scenario { name: "reopen with replay", before: lagging, run: |at, book| commits(at, book, 1, 1) },
    Scenario {
        name: "rebuild",
        before: closed,
        run: |at, book| {
            if let Some(store) = book.open::<NextApp>(at) {
                book.commit(&store, 1, 2);
            }
        },
    },
    Scenario { name: "handover", before: backlog, run: |at, book| commits(at, book, 1, 2) },
    Scenario { name: "export", before: closed, run: export },
    Scenario {
        name: "shutdown",
        before: closed,
        run: |at, book| {
            let Some(store) = book.open::<App>(at) else { return };
            book.commit(&store, 2, 1);
            // Where the disk never comes back it would be waited for; the end of the handle is the same without.
            if !book.lasts {
                match store.shutdown() {
                    Ok(()) => {}
                    Err(ShutdownError::NotSynced(error)) => book.meet(&error),
                    Err(error) => book.complaints.push(error.to_string()),
                }
            }
        },
    },
];

fn commits(at: &Path, book: &mut Book, groups: i64, events: i64) {
    if let Some(store) = book.open::<App>(at) {
        book.commit(&store, groups, events);
    }
}

fn export(at: &Path, book: &mut Book) {
    let Some(store) = book.open::<App>(at) else { return };
    book.commit(&store, 1, 1);
    for (name, is_log) in [("log.db", true), ("state.db", false)] {
        let target = at.join(name);
        let exported = if is_log { store.export_eventlog(&target) } else { store.export_state(&target) };
        match exported {
            Ok(()) => drop(dump::database(&target)), // It reads, and is whole.
            Err(error) => {
                book.meet(&error);
                if target.exists() {
                    book.complaints.push(format!("half an export is left: {name}"));
                }
            }
        }
    }
}

fn stepper(commits: u64, settings: &[(&str, &str)]) -> Directory {
    let scratch = Scratch::new("faults");
    let output = Command::new(env!("CARGO_BIN_EXE_stepper"))
        .arg(scratch.path())
        .args([STORE, "1", "1", &commits.to_string(), "same"])
        .envs(settings.iter().copied())
        .stderr(Stdio::null())
        .output()
        .expect("the process starts");
    Directory { scratch, said: String::from_utf8_lossy(&output.stdout).into_owned() }
}

fn empty() -> Directory {
    Directory { scratch: Scratch::new("faults"), said: String::new() }
}

/// A store that was closed in order.
fn closed() -> Directory {
    stepper(12, &[])
}

/// A log that holds more than state.
fn lagging() -> Directory {
    stepper(12, &[("LIVESTORE_CRASH_POINT", "leader.between-log-and-state:2")])
}

/// Journals that no leader took.
fn backlog() -> Directory {
    stepper(0, &[("LIVESTORE_TEST_LINGER_MS", "60000"), ("LIVESTORE_CRASH_POINT", "journal.after-append:12")])
}

/// What came of one run.
struct Visit {
    /// How many points were passed.
    passed: u64,
    /// How many of them failed.
    hits: u64,
    /// How many errors were told.
    told: u64,
    /// What was wrong.
    complaints: Vec<String>,
}

/// One run with the fault at a point.
fn visit(vfs: &FaultVfs, scenario: &Scenario, before: &Directory, fault: Option<(u64, Fault)>) -> Visit {
    let scratch = before.scratch.copy();
    let mut book = Book { lasts: fault.is_some_and(|(_, fault)| fault.lasts()), ..Book::default() };
    vfs.arm(fault);
    livestore::__testing::with_vfs(scratch.path(), vfs.name(), || (scenario.run)(scratch.path(), &mut book));
    let (passed, hits) = vfs.passed();
    let (mut ledger, mut verdicts) = (Ledger::default(), Verdicts::default());
    ledger.hear(1, &before.said, &mut verdicts);
    ledger.hear(2, &book.said, &mut verdicts);
    ledger.check::<App>(scratch.path(), STORE, &mut verdicts);
    let mut complaints = book.complaints;
    complaints.append(&mut ledger.complaints);
    if verdicts.failed_boots == 0 {
        complaints.extend(replay_complaint(&scratch));
    }
    Visit { passed, hits, told: book.told, complaints }
}

/// State is what a replay makes of the log, and both files are whole: the dump looks.
fn replay_complaint(scratch: &Scratch) -> Option<String> {
    let folder = scratch.store(STORE);
    let log = dump::open(&folder.join("eventlog.db"));
    let checked: String = log.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check runs");
    drop(log);
    let before = dump::state(&folder);
    dump::delete_state(&folder);
    drop(Store::<App>::open(native(scratch.path()), STORE).expect("it opens"));
    if checked != "ok" {
        return Some(format!("the eventlog: {checked}"));
    }
    (before != dump::state(&folder)).then(|| "state is not what a replay makes".to_owned())
}

/// The points of a scenario that the mode of this number visits.
fn points(count: u64, mode: usize) -> impl Iterator<Item = u64> {
    let wanted = match (std::env::var("FAULTS").as_deref(), std::env::var_os("CI")) {
        (Ok("all"), _) => count,
        (_, Some(_)) => POINTS_IN_CI,
        _ => POINTS,
    };
    let stride = count.div_ceil(wanted).max(1);
    // How a run ends goes by its point: every way is to be met.
    let stride = if stride % 3 == 0 { stride + 1 } else { stride };
    (1 + mode as u64 % stride..=count).step_by(stride as usize)
}

/// Visits the points of a scenario in every mode.
fn sweep(name: &str, visit: impl Fn(&'static FaultVfs, Option<(u64, Fault)>) -> Visit) -> Vec<String> {
    let vfs = FaultVfs::register(&format!("faulty-{name}"));
    let Visit { passed: count, mut complaints, .. } = visit(vfs, None);
    assert!(count > 0, "{name}: the files are opened through the VFS");
    let asked = std::env::var("FAULT").ok();
    for (mode, fault) in Fault::ALL.into_iter().enumerate() {
        if asked.as_ref().is_some_and(|asked| *asked != format!("{fault:?}")) {
            continue;
        }
        let (mut runs, mut hit, mut told, mut wrong) = (0, 0, 0, 0);
        for at in points(count, mode) {
            let found = visit(vfs, Some((at, fault)));
            runs += 1;
            hit += u64::from(found.hits > 0);
            told += u64::from(found.told > 0);
            wrong += u64::from(!found.complaints.is_empty());
            complaints.extend(found.complaints.into_iter().map(|what| format!("{name} {fault:?} at {at}: {what}")));
        }
        report(&format!("{name}: {count} points, {fault:?}: {runs} runs, {hit} hit, {told} told, {wrong} wrong"));
        // Journals are never synced: the log that took them is. A first open syncs one file.
        let is_of_files = name.starts_with("journals") || name.starts_with("files");
        assert!(hit > 0 || fault == Fault::Sync && is_of_files, "{name} {fault:?}: no run met its fault");
    }
    complaints
}

/// The figures are part of the test's output.
#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}

#[test]
fn no_fault_of_the_disk_loses_or_invents_a_commit() {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let outer = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        outer(panic);
    }));
    let asked = std::env::var("SCENARIO").ok();
    let is_wanted = |name: &str| asked.as_ref().is_none_or(|asked| asked == name);
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let alone = SCENARIOS.iter().filter(|scenario| is_wanted(scenario.name)).map(|scenario| {
            scope.spawn(|| {
                let before = (scenario.before)();
                sweep(scenario.name, |vfs, fault| visit(vfs, scenario, &before, fault))
            })
        });
        let synced = synced::SCENARIOS.iter().filter(|scenario| is_wanted(scenario.name)).map(|scenario| {
            scope.spawn(|| {
                let before = scenario.prepare();
                sweep(scenario.name, |vfs, fault| scenario.visit(vfs, &before, fault))
            })
        });
        let sweeps: Vec<_> = alone.chain(synced).collect();
        sweeps.into_iter().flat_map(|sweep| sweep.join().expect("the sweep ends")).collect()
    });
    let panics = PANICS.load(Ordering::Relaxed);
    assert!(complaints.is_empty() && panics == 0, "{panics} panics, {}\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_defect_is_found() {
    use livestore::__testing::{Harness, Mutant};
    let test = "no_fault_of_the_disk_loses_or_invents_a_commit";
    // Every point of the mode that shows it: a few of them may miss the one moment.
    let every = |scenario, fault| [("SCENARIO", scenario), ("FAULT", fault), ("FAULTS", "all")];
    let cases: [livestore_tests::zoo::Case<'_>; 3] = [
        (Mutant::EveryErrorQuarantines, test, &every("commit", "Once")),
        (Mutant::PlaceInAnotherTransaction, test, &every("rebase, ids stripped", "Full")),
        (Mutant::HeadMovesFirst, test, &every("pull page", "HalfWrite")),
    ];
    livestore_tests::zoo::check(Harness::Disks, &cases);
}
