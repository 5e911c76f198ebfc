//! What every storage has to do, as checks that run against yours.
//!
//! ```no_run
//! # use livestore_server::storage::{conformance, SqliteStorage, Storage, Synchronous};
//! # use std::sync::Arc;
//! # async fn check() {
//! let dir = std::path::Path::new("/tmp/storage-under-test");
//! let report = conformance::run(|| async { Ok(Arc::new(SqliteStorage::open(dir, Synchronous::Full)?) as Arc<dyn Storage>) }).await;
//! assert!(report.failures().is_empty(), "{report}");
//! # }
//! ```

#![expect(clippy::needless_pass_by_value, reason = "a check reads best when what it compares is written in place")]

use super::{Appended, Entry, LogState, Origin, ReadMax, Storage, StorageError};
use livestore_sync_protocol::EventId;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// What the checks found, a line each.
#[derive(Debug, Default)]
pub struct Report {
    points: Vec<(&'static str, Result<(), String>)>,
}

impl Report {
    /// How many points were checked.
    #[must_use]
    pub fn checked(&self) -> usize {
        self.points.len()
    }

    /// The points that do not hold, and what was seen instead.
    #[must_use]
    pub fn failures(&self) -> Vec<(&'static str, &str)> {
        self.points.iter().filter_map(|(name, result)| Some((*name, result.as_ref().err()?.as_str()))).collect()
    }

    fn add(&mut self, name: &'static str, result: Result<(), String>) {
        self.points.push((name, result));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, result) in &self.points {
            match result {
                Ok(()) => writeln!(f, "ok      {name}")?,
                Err(seen) => writeln!(f, "FAILED  {name}: {seen}")?,
            }
        }
        Ok(())
    }
}

/// Runs every check. `open` opens the storage under test; what an earlier one stored has to be there again. One that is shared
/// between processes is opened twice at the same time.
pub async fn run<O, F>(open: O) -> Report
where
    O: Fn() -> F,
    F: Future<Output = Result<Arc<dyn Storage>, StorageError>>,
{
    let mut report = Report::default();
    let opened = open().await;
    let storage = match opened {
        Ok(storage) => storage,
        Err(error) => {
            report.add("it opens", Err(error.to_string()));
            return report;
        }
    };
    let it = &*storage;
    report.add("a log is made once and keeps its backend id", creates(it).await);
    report.add("events are appended and read back as they were", appends(it).await);
    report.add("an append to another state of the log stores nothing and tells the state", moved(it).await);
    report.add("events that are not numbered on from the head are refused whole", misnumbered(it).await);
    report.add("a read keeps to its limits, and one event always fits", limits(it).await);
    report.add("the highest ordinals of a log's ids are known", origins(it).await);
    report.add("ids that look alike are different stores", injective(it).await);
    report.add("stores are listed by name, page by page", lists(it).await);
    report.add("of appends at the same time exactly one wins", contends(&[&storage, &storage]).await);
    report.add("many stores are written at the same time", many(&storage).await);
    if storage.is_shared() {
        match open().await {
            Ok(second) => {
                report.add("two processes agree on who wins", contends(&[&storage, &second]).await);
                report.add("what one process stores, the other reads", across(it, &*second).await);
            }
            Err(error) => report.add("a shared storage opens twice", Err(error.to_string())),
        }
    }
    drop(storage);
    report.add(
        "what was stored is there after it was opened again",
        match open().await {
            Ok(storage) => reopened(&*storage).await,
            Err(error) => Err(error.to_string()),
        },
    );
    report
}

const MAX: ReadMax = ReadMax { events: 10_000, bytes: usize::MAX };

fn entry(number: u64, text: &str) -> Entry {
    let body = format!(r#"{{"name":"n","args":{text},"seqNum":{number},"parentSeqNum":{}}}"#, number - 1);
    let principal = number.is_multiple_of(2).then(|| "somebody".into());
    let rest = [None, Some(1), Some(0)][(number % 3) as usize];
    Entry { number, rest, created_at_ms: 1_700_000_000_000 + number as i64, principal, body: body.into() }
}

fn entries(after: u64, count: u64) -> Vec<Entry> {
    (after + 1..=after + count).map(|number| entry(number, "{\"text\":\"\\u0000 ü 😀\",\"n\":1.0}")).collect()
}

/// Fails with what was seen where two values differ.
fn same<T: PartialEq + fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, not {expected:?}")) }
}

fn text(error: StorageError) -> String {
    error.to_string()
}

fn state(backend_id: &str, head: u64) -> LogState {
    LogState { backend_id: backend_id.into(), head }
}

async fn creates(it: &dyn Storage) -> Result<(), String> {
    same("a log that nobody made", it.load("creates").await.map_err(text)?, None)?;
    same("a read of it", it.read("creates", 0, MAX).await.map_err(text)?, Vec::new())?;
    same("the new log", it.create("creates", "first").await.map_err(text)?, state("first", 0))?;
    same("the log made again", it.create("creates", "second").await.map_err(text)?, state("first", 0))?;
    same("the log", it.load("creates").await.map_err(text)?, Some(state("first", 0)))
}

async fn appends(it: &dyn Storage) -> Result<(), String> {
    let log = it.create("appends", "b").await.map_err(text)?;
    same("the append", it.append("appends", &log, entries(0, 3)).await.map_err(text)?, Appended::Stored)?;
    same("the next", it.append("appends", &state("b", 3), entries(3, 250)).await.map_err(text)?, Appended::Stored)?;
    same(
        "nothing appended",
        it.append("appends", &state("b", 253), Vec::new()).await.map_err(text)?,
        Appended::Stored,
    )?;
    same("the log", it.load("appends").await.map_err(text)?, Some(state("b", 253)))?;
    same("all", it.read("appends", 0, MAX).await.map_err(text)?, entries(0, 253))?;
    same("the last", it.read("appends", 252, MAX).await.map_err(text)?, entries(252, 1))?;
    same("what follows the head", it.read("appends", 253, MAX).await.map_err(text)?, Vec::new())?;
    same("what follows beyond the head", it.read("appends", u64::MAX, MAX).await.map_err(text)?, Vec::new())
}

async fn moved(it: &dyn Storage) -> Result<(), String> {
    let log = it.create("moved", "b").await.map_err(text)?;
    it.append("moved", &log, entries(0, 2)).await.map_err(text)?;
    let expected = Appended::Moved(Some(state("b", 2)));
    same("an append behind", it.append("moved", &log, entries(0, 1)).await.map_err(text)?, expected.clone())?;
    let ahead = state("b", 9);
    same("an append ahead", it.append("moved", &ahead, entries(9, 1)).await.map_err(text)?, expected.clone())?;
    let other = state("other", 2);
    same("an append to another", it.append("moved", &other, entries(2, 1)).await.map_err(text)?, expected)?;
    let nobody = it.append("moved-nobody", &log, entries(0, 1)).await.map_err(text)?;
    same("an append to a log that nobody made", nobody, Appended::Moved(None))?;
    same("the log", it.read("moved", 0, MAX).await.map_err(text)?, entries(0, 2))
}

async fn misnumbered(it: &dyn Storage) -> Result<(), String> {
    let log = it.create("misnumbered", "b").await.map_err(text)?;
    let gap = vec![entry(1, "1"), entry(3, "3")];
    match it.append("misnumbered", &log, gap).await {
        Err(StorageError::Misuse { .. }) => {}
        other => return Err(format!("a gap gives {other:?}")),
    }
    same("the log", it.load("misnumbered").await.map_err(text)?, Some(log.clone()))?;
    same("its events", it.read("misnumbered", 0, MAX).await.map_err(text)?, Vec::new())?;
    same("an append after it", it.append("misnumbered", &log, entries(0, 1)).await.map_err(text)?, Appended::Stored)
}

async fn limits(it: &dyn Storage) -> Result<(), String> {
    let log = it.create("limits", "b").await.map_err(text)?;
    let big = format!("\"{}\"", "x".repeat(250_000));
    let all: Vec<Entry> = (1..=10).map(|number| entry(number, &big)).collect();
    it.append("limits", &log, all.clone()).await.map_err(text)?;
    let read = async |events, bytes| it.read("limits", 0, ReadMax { events, bytes }).await.map_err(text);
    same("events within 4", read(4, usize::MAX).await?.len(), 4)?;
    same("events within 3 bodies", read(10, all[0].body.len() * 3 + 10).await?.len(), 3)?;
    same("events within nothing", read(0, 0).await?.as_slice(), &all[..1])
}

fn identified(number: u64, nonce: u8, ordinal: u8) -> (Entry, Origin) {
    let mut id = EventId([nonce; 16]);
    id.0[11..].copy_from_slice(&[0, 0, 0, 1, ordinal]);
    let event = entry(number, &format!(r#"{{"id":"{:032}"}},"id":"{id}""#, 7));
    (event, Origin::of(id))
}

async fn origins(it: &dyn Storage) -> Result<(), String> {
    let (a, b, nobody) = ([1; 11], [2; 11], [3; 11]);
    let log = it.create("origins", "b").await.map_err(text)?;
    let asked = || it.origins("origins", vec![a, nobody, b, a]);
    same("an empty log", asked().await.map_err(text)?, vec![None; 4])?;
    let events = [identified(1, 1, 5), identified(2, 2, 9), identified(3, 1, 4)];
    let highest = [events[0].1.ordinal, events[1].1.ordinal];
    let mut entries: Vec<_> = events.into_iter().map(|(entry, _)| entry).collect();
    entries.push(entry(4, "null"));
    it.append("origins", &log, entries).await.map_err(text)?;
    let expected = vec![Some(highest[0]), None, Some(highest[1]), Some(highest[0])];
    same("the log", asked().await.map_err(text)?, expected.clone())?;
    let late = it.append("origins", &log, vec![identified(1, 3, 1).0]).await.map_err(text)?;
    same("a late append", late, Appended::Moved(Some(state("b", 4))))?;
    same("the log after it", asked().await.map_err(text)?, expected)?;
    it.append("origins", &state("b", 4), vec![identified(5, 2, 200).0, identified(6, 1, 1).0]).await.map_err(text)?;
    let higher = identified(5, 2, 200).1.ordinal;
    same(
        "the log at last",
        asked().await.map_err(text)?,
        vec![Some(highest[0]), None, Some(higher), Some(highest[0])],
    )?;
    same("another log", it.origins("appends", vec![a, b]).await.map_err(text)?, vec![None; 2])?;
    same("a log that nobody made", it.origins("origins-nobody", vec![a]).await.map_err(text)?, vec![None])
}

async fn injective(it: &dyn Storage) -> Result<(), String> {
    let long = "l".repeat(1_000);
    let ids = ["a-b", "a_b", "A-B", "a b", "a.b", "../a", "é", "e\u{301}", "'; DROP TABLE store; --", "%", "", &long];
    for (index, id) in ids.iter().enumerate() {
        let backend_id = format!("backend-{index}");
        let log = it.create(id, &backend_id).await.map_err(text)?;
        same(id, &*log.backend_id, &*backend_id)?;
        it.append(id, &log, vec![entry(1, &index.to_string())]).await.map_err(text)?;
    }
    for (index, id) in ids.iter().enumerate() {
        same(id, it.read(id, 0, MAX).await.map_err(text)?, vec![entry(1, &index.to_string())])?;
    }
    Ok(())
}

async fn lists(it: &dyn Storage) -> Result<(), String> {
    for name in ["lists-c", "lists-a", "lists-b"] {
        it.create(name, name).await.map_err(text)?;
    }
    let first = it.stores(Some("lists-"), 2).await.map_err(text)?;
    let names =
        |found: &[super::StoreSummary]| found.iter().map(|store| store.store_id.to_string()).collect::<Vec<_>>();
    same("the first page", names(&first), vec!["lists-a".to_owned(), "lists-b".to_owned()])?;
    same("its first log", first[0].log.clone(), state("lists-a", 0))?;
    let next = it.stores(Some("lists-b"), 1).await.map_err(text)?;
    same("the next page", names(&next), vec!["lists-c".to_owned()])
}

async fn contends(handles: &[&Arc<dyn Storage>]) -> Result<(), String> {
    let store_id = format!("contends-{}", Arc::ptr_eq(handles[0], handles[handles.len() - 1]));
    let mut head = 0;
    let first = handles[0].create(&store_id, "b").await.map_err(text)?;
    for round in 0..20_u64 {
        let log = LogState { head, ..first.clone() };
        let writers = (0..4_usize).map(|writer| {
            let (storage, store_id, log) = (Arc::clone(handles[writer % handles.len()]), store_id.clone(), log.clone());
            let events = vec![entry(head + 1, &format!("\"{round}-{writer}\""))];
            tokio::spawn(async move { storage.append(&store_id, &log, events).await })
        });
        let writers: Vec<_> = writers.collect();
        let mut wins = 0;
        for writer in writers {
            match writer.await.map_err(|error| error.to_string())?.map_err(text)? {
                Appended::Stored => wins += 1,
                Appended::Moved(found) => same("the state that a loser hears", found, Some(state("b", head + 1)))?,
            }
        }
        same("winners", wins, 1)?;
        head += 1;
    }
    let found = handles[0].read(&store_id, 0, MAX).await.map_err(text)?;
    same("events", found.len() as u64, head)
}

async fn many(storage: &Arc<dyn Storage>) -> Result<(), String> {
    let writers = (0..32).map(|index| {
        let storage = Arc::clone(storage);
        tokio::spawn(async move {
            let store_id = format!("many-{index}");
            let mut log = storage.create(&store_id, "b").await?;
            for _ in 0..10 {
                storage.append(&store_id, &log, entries(log.head, 3)).await?;
                log.head += 3;
            }
            storage.read(&store_id, 0, MAX).await
        })
    });
    let writers: Vec<_> = writers.collect();
    for writer in writers {
        let found = writer.await.map_err(|error| error.to_string())?.map_err(text)?;
        same("a store of many", found, entries(0, 30))?;
    }
    Ok(())
}

async fn across(first: &dyn Storage, second: &dyn Storage) -> Result<(), String> {
    let log = first.create("across", "b").await.map_err(text)?;
    same("made by the first", second.create("across", "c").await.map_err(text)?, log.clone())?;
    second.append("across", &log, entries(0, 5)).await.map_err(text)?;
    same("stored by the second", first.read("across", 0, MAX).await.map_err(text)?, entries(0, 5))?;
    let late = first.append("across", &log, entries(0, 1)).await.map_err(text)?;
    same("a late append of the first", late, Appended::Moved(Some(state("b", 5))))
}

async fn reopened(it: &dyn Storage) -> Result<(), String> {
    let highest = it.origins("origins", vec![[1; 11]]).await.map_err(text)?;
    same("an origin", highest, vec![Some(identified(1, 1, 5).1.ordinal)])?;
    same("the log", it.load("appends").await.map_err(text)?, Some(state("b", 253)))?;
    same("its events", it.read("appends", 0, MAX).await.map_err(text)?, entries(0, 253))?;
    same(
        "an append to it",
        it.append("appends", &state("b", 253), entries(253, 1)).await.map_err(text)?,
        Appended::Stored,
    )
}
