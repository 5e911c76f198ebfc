//! What the files of a client must say, whatever its disk did.

use crate::synced::Group;
use crate::{STORE, replay_complaint};
use livestore::*;
use livestore_tests::dump;
use livestore_tests::scratch::Scratch;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// A row of a table of events.
struct Row {
    place: i64,
    global: i64,
    id: Vec<u8>,
    args: String,
    client_only: bool,
    client_id: String,
    rest: i64,
}

fn rows(db: &Connection, table: &str) -> Vec<Row> {
    let sql = format!(
        "SELECT place, global, id, coalesce(args, ''), client_only, client_id, rest FROM {table} ORDER BY place"
    );
    let mut statement = db.prepare(&sql).expect("it reads");
    let read = |row: &rusqlite::Row<'_>| {
        let (place, global, id, args) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(Row { place, global, id, args, client_only: row.get(4)?, client_id: row.get(5)?, rest: row.get(6)? })
    };
    let found = statement.query_map([], read).expect("it reads");
    found.collect::<Result<_, _>>().expect("it reads")
}

fn fact(db: &Connection, key: &str) -> Option<String> {
    db.query_row("SELECT CAST(value AS TEXT) FROM facts WHERE key = ?1", [key], |row| row.get(0)).ok()
}

fn mark(run: i64, seq: i64) -> String {
    format!("<{run}.{seq}>")
}

/// The moment after: the log is whole, in order, a prefix of the backend's, or of what that was before it lost something; state is
/// not ahead of it; nothing is gone.
pub(crate) fn complaints(
    scratch: &Scratch,
    backend: &MemoryBackend,
    before: &[SyncEvent],
    groups: &[Group],
) -> Vec<String> {
    // A copy, so that whoever opens the store next finds the files as they were left.
    let copy = scratch.copy();
    if !copy.store(STORE).exists() {
        return groups.iter().filter(|group| group.is_acked).map(|group| format!("{group:?} is gone")).collect();
    }
    let path = copy.store(STORE).join("eventlog.db");
    let mut found = Vec::new();
    let mut kept = String::new();
    if path.exists() {
        let db = dump::open(&path);
        let integrity: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check runs");
        if integrity != "ok" {
            return vec![format!("the eventlog: {integrity}")];
        }
        let (events, pending) = (rows(&db, "events"), rows(&db, "pending"));
        found.extend(order_complaint(&events, &pending));
        if fact(&db, "backend_id").as_deref() == Some(backend.backend_id().as_str()) {
            let keeps_identity = fact(&db, "keeps_identity").as_deref() == Some("1");
            let now = prefix_complaint(&events, &backend.events(STORE), keeps_identity);
            found.extend(now.filter(|_| prefix_complaint(&events, before, keeps_identity).is_some()));
        }
        found.extend(state_complaint(&copy, &db, events.len() as i64));
        let all = events.iter().chain(&pending);
        kept.extend(all.map(|row| row.args.as_str()));
        kept.extend(rows(&db, "rejected").iter().map(|row| row.args.as_str()));
    }
    for path in copy.files(STORE, "eventlog-kept-", ".db") {
        let db = dump::open(&path);
        kept.extend(rows(&db, "events").iter().chain(&rows(&db, "pending")).map(|row| row.args.as_str()));
    }
    for path in copy.files(STORE, "journal-", "") {
        kept += &String::from_utf8_lossy(&std::fs::read(path).expect("it reads"));
    }
    for group in groups.iter().filter(|group| group.is_acked) {
        let is_gone = group.seqs.clone().any(|seq| !kept.contains(&mark(group.run, seq)));
        found.extend(is_gone.then(|| format!("{group:?} was acknowledged and is in no file")));
    }
    found
}

/// Places and numbers count without gaps, groups are whole, and no event is there twice.
fn order_complaint(events: &[Row], pending: &[Row]) -> Option<String> {
    let mut ids = BTreeSet::new();
    let mut global = 0;
    for (row, place) in events.iter().zip(1..) {
        global += i64::from(!row.client_only);
        if (row.place, row.global) != (place, global) {
            return Some(format!("e{} at place {} where {global} at {place} belongs", row.global, row.place));
        }
    }
    if [events, pending].iter().any(|rows| rows.last().is_some_and(|last| last.rest != 0)) {
        return Some("the last group is not whole".into());
    }
    let twice = events.iter().chain(pending).find(|row| !ids.insert(&row.id));
    twice.map(|row| format!("an event is there twice: {}", &row.args[..row.args.len().min(60)]))
}

/// What is confirmed is what the backend holds there.
fn prefix_complaint(events: &[Row], log: &[SyncEvent], keeps_identity: bool) -> Option<String> {
    let ours: Vec<_> = events.iter().filter(|row| !row.client_only).collect();
    if ours.len() > log.len() {
        return Some(format!("{} are confirmed, the backend holds {}", ours.len(), log.len()));
    }
    let is_same = |row: &Row, event: &SyncEvent| {
        let has_id = !keeps_identity || event.id.is_none_or(|id| row.id == id.as_bytes());
        has_id && Some(row.args.as_str()) == event.args.as_deref() && row.client_id == event.client_id
    };
    let other = ours.into_iter().zip(log).find(|(row, event)| !is_same(row, event));
    other.map(|(_, event)| format!("e{} is not the backend's", event.number))
}

/// State is at most as far as the log, and whole.
fn state_complaint(copy: &Scratch, log: &Connection, places: i64) -> Option<String> {
    let path = copy.store(STORE).join(fact(log, "state_file")?);
    if !path.exists() {
        return None; // It was not written yet, and is rebuilt.
    }
    let db = dump::open(&path);
    let integrity: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check runs");
    let position = "SELECT place FROM livestore_position";
    let place = db.query_row(position, [], |row| row.get::<_, i64>(0)).unwrap_or(0);
    if integrity != "ok" || place > places {
        return Some(format!("state is {integrity} and stands at {place} of {places}"));
    }
    None
}

/// What becomes of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expected {
    There,
    /// It stays with the client.
    LeftOut,
    Either,
}

/// The end: the backend has every group once, whole and in the order in which it was committed, and the client what the backend has.
pub(crate) fn end_complaints(
    scratch: &Scratch,
    backend: &MemoryBackend,
    groups: &[Group],
    expected: impl Fn(&Group) -> Expected,
) -> Vec<String> {
    let log = backend.events(STORE);
    let at = |run, seq| {
        let text = mark(run, seq);
        let found = |event: &SyncEvent| event.args.as_ref().is_some_and(|args| args.contains(&text));
        log.iter().enumerate().filter(|(_, event)| found(event)).map(|(index, _)| index).collect::<Vec<_>>()
    };
    let (mut found, mut last) = (Vec::new(), BTreeMap::new());
    for group in groups {
        let places: Vec<_> = group.seqs.clone().map(|seq| at(group.run, seq)).collect();
        let is_there = places.iter().all(|places| places.len() == 1);
        let is_absent = places.iter().all(Vec::is_empty);
        let first = places.first().and_then(|places| places.first()).copied().unwrap_or(0);
        let is_whole = places.iter().zip(first..).all(|(places, expected)| *places == [expected]);
        let is_right = match expected(group) {
            Expected::There => is_there && is_whole,
            Expected::LeftOut => is_absent,
            Expected::Either => is_absent || is_there && is_whole,
        };
        if !is_right {
            found.push(format!("{group:?} is at the backend at {places:?} of {}", log.len()));
        }
        if is_there && last.insert((group.run, group.session), first).is_some_and(|before| before > first) {
            found.push(format!("{group:?} is before the group that was committed before it"));
        }
    }
    let foreign = log.iter().filter(|event| event.client_id == "other").count();
    let own: usize =
        groups.iter().map(|group| group.seqs.clone().filter(|seq| !at(group.run, *seq).is_empty()).count()).sum();
    if foreign + own != log.len() {
        found.push(format!("the backend has {} events, of which {foreign} and {own} are known", log.len()));
    }
    found.extend(client_complaint(scratch, &log));
    found.extend(replay_complaint(scratch));
    found
}

/// Nothing waits any more, and the client holds what the backend holds.
fn client_complaint(scratch: &Scratch, log: &[SyncEvent]) -> Option<String> {
    let db = dump::open(&scratch.store(STORE).join("eventlog.db"));
    let (events, pending) = (rows(&db, "events"), rows(&db, "pending"));
    if events.len() != log.len() || !pending.is_empty() {
        return Some(format!("{} events and {} pending, the backend has {}", events.len(), pending.len(), log.len()));
    }
    let left = scratch.files(STORE, "journal-", "");
    (!left.is_empty()).then(|| format!("journals are left: {left:?}"))
}
