//! SQLite fails below a server at each of its I/O points, in five ways: what a client was told is stored is there afterwards, what
//! is there is whole commit groups, nothing is answered as stored that is not, and the server goes on.
//!
//! `FAULTS=all` visits every point; otherwise a part of them, a larger one with `CI`. A complaint names scenario, mode and point.
#![cfg(unix)]

use livestore_server::archive;
use livestore_server::hub::{Hub, HubOptions, OpenStore};
use livestore_server::log::{Push, Verdict};
use livestore_server::storage::{Entry, ReadMax, SqliteStorage, Storage, StorageError, Synchronous};
use livestore_sync_protocol::{Event, EventId, PushVerdict};
use livestore_tests::fault_vfs::{Fault, FaultVfs};
use livestore_tests::scratch::Scratch;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The points that are visited in each scenario and mode, where not all are.
const POINTS: u64 = 8;
const POINTS_IN_CI: u64 = 40;
/// Events of a commit group.
const GROUP: u64 = 3;
/// More often than a fault that happens once has to be tried again.
const TRIES: usize = 60;

/// What clients were told, and what was no right answer.
#[derive(Default)]
struct Book {
    /// For each store, how many groups are stored for sure, and how many may be.
    told: BTreeMap<String, (u64, u64)>,
    complaints: Vec<String>,
    /// Answers that were refusals.
    refused: u64,
    lasts: bool,
}

struct Scenario {
    name: &'static str,
    before: fn(&Path),
    /// With how many groups each has before.
    stores: &'static [(&'static str, u64)],
    groups: u64,
}

const SCENARIOS: [Scenario; 5] = [
    Scenario { name: "first open", before: |_| (), stores: &[("a", 0)], groups: 1 },
    Scenario { name: "append", before: filled, stores: &[("a", 2)], groups: 4 },
    Scenario {
        name: "group commit",
        before: filled,
        stores: &[("a", 2), ("b", 2), ("c", 0), ("d", 0), ("e", 0), ("f", 0)],
        groups: 2,
    },
    Scenario { name: "open with a log to recover", before: killed, stores: &[("a", 4), ("b", 2)], groups: 1 },
    Scenario { name: "migration", before: of_format_1, stores: &[("a", 2), ("b", 2)], groups: 1 },
];

fn block_on<T>(future: impl Future<Output = T>) -> T {
    // Waits cost nothing: time goes on by itself where nothing else does.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

fn filled(dir: &Path) {
    let mut book = Book::default();
    block_on(serve(dir, &[("a", 0), ("b", 0)], 2, &mut book));
    assert_eq!(book.told.values().collect::<Vec<_>>(), [&(2, 2), &(2, 2)], "{:?}", book.complaints);
}

/// Ended without a word, with its last appends in the write-ahead log alone.
fn killed(dir: &Path) {
    let original = Scratch::new("killed");
    filled(original.path());
    let storage = SqliteStorage::open(original.path(), Synchronous::Full).expect("it opens");
    let mut book = Book::default();
    block_on(async {
        let hub = Hub::new(Arc::new(storage), HubOptions::default());
        push_groups(&hub, "a", 2..4, &mut book).await;
        for file in std::fs::read_dir(original.path()).expect("it reads") {
            let file = file.expect("it reads");
            std::fs::copy(file.path(), dir.join(file.file_name())).expect("it is copied");
        }
    });
    assert!(dir.join("eventlog.db-wal").metadata().is_ok_and(|wal| wal.len() > 0), "there is something to recover");
}

fn of_format_1(dir: &Path) {
    filled(dir);
    let db = rusqlite::Connection::open(dir.join("eventlog.db")).expect("it opens");
    db.execute_batch("DROP TABLE origin; PRAGMA user_version = 1;").expect("it is changed back");
}

/// The id of an event is that of its place.
fn group(store: &str, nth: u64) -> Vec<Event> {
    let first = nth * GROUP + 1;
    let event = |number: u64| {
        let mut id = EventId([store.as_bytes()[0]; 16]);
        id.0[11..].copy_from_slice(&number.to_be_bytes()[3..]);
        Event {
            name: "v1.Noted".into(),
            args: livestore_sync_protocol::RawJson::new(format!("\"{}\"", "x".repeat(900))).ok(),
            number,
            parent: number - 1,
            client_id: "client".into(),
            session_id: "session".into(),
            id: Some(id),
            rest: u32::try_from(first + GROUP - 1 - number).ok(),
        }
    };
    (first..first + GROUP).map(event).collect()
}

/// Opens the storage and pushes so many groups to each store at once, after those that it has.
async fn serve(dir: &Path, stores: &[(&str, u64)], groups: u64, book: &mut Book) {
    let untold = stores.iter().map(|(store, has)| ((*store).to_owned(), (*has, *has)));
    book.told.extend(untold);
    let mut storage = None;
    for _ in 0..TRIES {
        match SqliteStorage::open(dir, Synchronous::Full) {
            Ok(opened) => {
                storage = Some(opened);
                break;
            }
            Err(StorageError::Unavailable { .. }) if book.lasts => return book.refused += 1,
            Err(StorageError::Unavailable { .. }) => book.refused += 1,
            Err(error) => return book.complaints.push(format!("the wrong error at open: {error}")),
        }
    }
    let Some(storage) = storage else { return book.complaints.push("it never opens".into()) };
    let hub = Hub::new(Arc::new(storage), HubOptions::default());
    let pushing = stores.iter().map(|(store, has)| {
        let (hub, lasts) = (hub.clone(), book.lasts);
        async move {
            let mut book = Book { lasts, ..Book::default() };
            push_groups(&hub, store, *has..*has + groups, &mut book).await;
            book
        }
    });
    for found in all_at_once(pushing).await {
        book.told.extend(found.told);
        book.complaints.extend(found.complaints);
        book.refused += found.refused;
    }
}

/// All at the same time, on this thread.
async fn all_at_once<F: Future<Output = Book>>(futures: impl Iterator<Item = F>) -> Vec<Book> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, found) in futures.iter_mut().filter(|(_, found)| found.is_none()) {
            if let std::task::Poll::Ready(book) = future.as_mut().poll(context) {
                *found = Some(book);
            }
        }
        if futures.iter().all(|(_, found)| found.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    futures.into_iter().filter_map(|(_, found)| found).collect()
}

async fn opened(hub: &Hub, store: &str, book: &mut Book) -> Option<Arc<OpenStore>> {
    for _ in 0..TRIES {
        match hub.open(store).await {
            Ok(store) => return Some(store),
            Err(StorageError::Unavailable { .. } | StorageError::Unknown { .. }) => book.refused += 1,
            Err(error) => book.complaints.push(format!("the wrong error where `{store}` is opened: {error}")),
        }
        if book.lasts {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    book.complaints.push(format!("`{store}` never opens"));
    None
}

/// One group after the other; a client tries again what it was not told of, and what was refused for now.
async fn push_groups(hub: &Hub, store: &str, groups: std::ops::Range<u64>, book: &mut Book) {
    let mut known = (groups.start, groups.start);
    for nth in groups {
        let mut is_stored = false;
        for _ in 0..TRIES {
            let Some(open) = opened(hub, store, book).await else { break };
            let push = Push { batch: group(store, nth), backend_id: None, principal: None, at_ms: 7 };
            match open.push(push).await {
                Ok(Verdict::Judged(PushVerdict::Accepted { head })) => {
                    if head != (nth + 1) * GROUP {
                        book.complaints.push(format!("`{store}` has head {head} after group {nth}"));
                    }
                    (known, is_stored) = ((nth + 1, nth + 1), true);
                    break;
                }
                Ok(Verdict::Judged(PushVerdict::Failed { .. })) => book.refused += 1,
                Ok(Verdict::Unknown) => {
                    book.refused += 1;
                    known.1 = nth + 1;
                }
                Ok(verdict) => {
                    book.complaints.push(format!("the wrong answer to group {nth} of `{store}`: {verdict:?}"))
                }
                Err(error) => book.complaints.push(format!("no answer to group {nth} of `{store}`: {error}")),
            }
            if book.lasts {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if !is_stored {
            if !book.lasts {
                book.complaints.push(format!("group {nth} of `{store}` is never stored"));
            }
            break;
        }
    }
    book.told.insert(store.to_owned(), known);
}

/// Reads everything again on a disk that is well.
async fn verify(dir: &Path, book: &mut Book) {
    let storage = match SqliteStorage::open(dir, Synchronous::Full) {
        Ok(storage) => storage,
        Err(error) => return book.complaints.push(format!("it does not open afterwards: {error}")),
    };
    match storage.verify().await {
        Ok(None) => {}
        found => book.complaints.push(format!("the storage is {found:?}")),
    }
    for (store, (sure, possible)) in std::mem::take(&mut book.told) {
        let max = ReadMax { events: 10_000, bytes: usize::MAX };
        let found: Vec<Entry> = match storage.read(&store, 0, max).await {
            Ok(found) => found,
            Err(error) => return book.complaints.push(format!("`{store}` does not read: {error}")),
        };
        let groups = found.len() as u64 / GROUP;
        if !(found.len() as u64).is_multiple_of(GROUP) || groups < sure || groups > possible {
            let count = found.len();
            book.complaints.push(format!("`{store}` has {count} events, and should have {sure} to {possible} groups"));
        }
        let is_own = |(entry, event): (&Entry, Event)| entry.id() == event.id && entry.number == event.number;
        if !found.iter().zip((0..groups).flat_map(|nth| group(&store, nth))).all(is_own) {
            book.complaints.push(format!("`{store}` holds something else"));
        }
        if groups > 0 {
            if let Err(error) = archive::check(&storage, &store, |_| {}).await {
                book.complaints.push(error.to_string());
            }
            let highest = storage.origins(&store, vec![[store.as_bytes()[0]; 11]]).await;
            if highest != Ok(vec![Some(groups * GROUP)]) {
                book.complaints
                    .push(format!("the highest ordinal of `{store}` is {highest:?}, not {}", groups * GROUP));
            }
        }
    }
}

fn points(count: u64, mode: usize) -> impl Iterator<Item = u64> {
    let wanted = match (std::env::var("FAULTS").as_deref(), std::env::var_os("CI")) {
        (Ok("all"), _) => count,
        (_, Some(_)) => POINTS_IN_CI,
        _ => POINTS,
    };
    let stride = count.div_ceil(wanted).max(1);
    (1 + mode as u64 % stride..=count).step_by(stride as usize)
}

/// How many points were passed and how many failed, and what was found.
fn visit(vfs: &FaultVfs, scenario: &Scenario, template: &Scratch, fault: Option<(u64, Fault)>) -> (u64, u64, Book) {
    let scratch = template.copy();
    let lasts = fault.is_some_and(|(_, fault)| fault.lasts());
    let mut book = Book { lasts, ..Book::default() };
    vfs.arm(fault);
    block_on(serve(scratch.path(), scenario.stores, scenario.groups, &mut book));
    let (passed, hits) = vfs.passed();
    vfs.arm(None);
    block_on(verify(scratch.path(), &mut book));
    (passed, hits, book)
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures are part of the test's output")]
fn no_fault_of_the_disk_loses_or_invents_what_a_server_answered() {
    let vfs = FaultVfs::register("faulty-server");
    vfs.make_default();
    vfs.arm(None);
    let mut complaints = Vec::new();
    for scenario in &SCENARIOS {
        let template = Scratch::new("server");
        (scenario.before)(template.path());
        let (count, _, book) = visit(vfs, scenario, &template, None);
        let name = scenario.name;
        complaints.extend(book.complaints.into_iter().map(|what| format!("{name}: {what}")));
        assert!(count > 10, "{name}: its files are opened through the VFS");
        for (mode, fault) in Fault::ALL.into_iter().enumerate() {
            let (mut runs, mut hit, mut told, mut wrong) = (0, 0, 0, 0);
            for at in points(count, mode) {
                let (_, hits, book) = visit(vfs, scenario, &template, Some((at, fault)));
                (runs, hit) = (runs + 1, hit + u64::from(hits > 0));
                (told, wrong) = (told + u64::from(book.refused > 0), wrong + u64::from(!book.complaints.is_empty()));
                complaints.extend(book.complaints.into_iter().map(|what| format!("{name} {fault:?} at {at}: {what}")));
            }
            println!("{name}: {count} points, {fault:?}: {runs} runs, {hit} hit, {told} told, {wrong} wrong");
            assert!(hit > 0, "{name} {fault:?}: no run met its fault");
        }
    }
    assert!(complaints.is_empty(), "{}\n{}", complaints.len(), complaints.join("\n"));
}
