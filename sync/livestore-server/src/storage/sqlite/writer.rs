//! The thread that writes.

use super::super::identity::Highest;
use super::super::{Appended, Entry, LogState, StorageError};
use super::schema;
use rusqlite::Connection;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};

/// Requests that wait for the writer; who comes later waits to be let in.
const QUEUE_MAX: usize = 1_024;
/// What one transaction takes in at most.
const GROUP_MAX: usize = 256;

type Answer<T> = oneshot::Sender<Result<T, StorageError>>;

enum Request {
    Create { store_id: String, backend_id: String, answer: Answer<LogState> },
    Append { store_id: String, log: LogState, entries: Vec<Entry>, highest: Highest, answer: Answer<Appended> },
}

/// The sending side; the thread ends when it is dropped and what waits is written.
#[derive(Debug)]
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(db: Connection) -> Result<Self, StorageError> {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("livestore-storage".into());
        let thread = thread.spawn(move || run(&db, receiver)).map_err(StorageError::unavailable)?;
        Ok(Self { requests: Some(sender), thread: Some(thread) })
    }

    pub(super) fn create(
        &self,
        store_id: &str,
        backend_id: &str,
    ) -> impl Future<Output = Result<LogState, StorageError>> + use<> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Create { store_id: store_id.into(), backend_id: backend_id.into(), answer };
        ask(self.requests.clone(), request, answered)
    }

    pub(super) fn append(
        &self,
        store_id: &str,
        log: &LogState,
        entries: Vec<Entry>,
    ) -> impl Future<Output = Result<Appended, StorageError>> + use<> {
        let (answer, answered) = oneshot::channel();
        // Read here, not by the thread that everybody waits for.
        let highest = Highest::of(&entries);
        let request = Request::Append { store_id: store_id.into(), log: log.clone(), entries, highest, answer };
        ask(self.requests.clone(), request, answered)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        // What was handed over is written before the file is let go.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn ask<T>(
    requests: Option<mpsc::Sender<Request>>,
    request: Request,
    answered: oneshot::Receiver<Result<T, StorageError>>,
) -> Result<T, StorageError> {
    let gone = || StorageError::Unknown { reason: "the writing thread ended".into() };
    let requests = requests.ok_or_else(gone)?;
    requests.send(request).await.map_err(|_| StorageError::unavailable("the writing thread ended"))?;
    answered.await.map_err(|_| gone())?
}

fn run(db: &Connection, mut requests: mpsc::Receiver<Request>) {
    let mut group = Vec::new();
    while requests.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        commit_group(db, group.drain(..));
    }
}

/// An answer that waits for the commit.
enum Due {
    Create(Answer<LogState>, Result<LogState, StorageError>),
    Append(Answer<Appended>, Result<Appended, StorageError>),
}

impl Due {
    fn send(self, committed: &Result<(), StorageError>) {
        match self {
            Self::Create(answer, result) => drop(answer.send(committed.clone().and(result))),
            Self::Append(answer, result) => drop(answer.send(committed.clone().and(result))),
        }
    }
}

/// All in one transaction: one sync of the disk for everybody.
fn commit_group(db: &Connection, group: impl Iterator<Item = Request>) {
    let begun = db.execute_batch("BEGIN IMMEDIATE").map_err(StorageError::from);
    let mut due = Vec::new();
    for request in group {
        let is_begun = begun.clone().and_then(|()| still_open(db));
        due.push(match request {
            Request::Create { store_id, backend_id, answer } => {
                Due::Create(answer, is_begun.and_then(|()| create(db, &store_id, &backend_id)))
            }
            Request::Append { store_id, log, entries, highest, answer } => {
                let append = || append(db, &store_id, &log, &entries, &highest);
                Due::Append(answer, is_begun.and_then(|()| within(db, append)))
            }
        });
    }
    let committed = begun.and_then(|()| commit(db));
    if !db.is_autocommit()
        && let Err(error) = db.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "the log's transaction cannot be rolled back");
    }
    due.into_iter().for_each(|due| due.send(&committed));
}

fn commit(db: &Connection) -> Result<(), StorageError> {
    still_open(db)?;
    db.execute_batch("COMMIT").map_err(|error| match error.sqlite_error_code() {
        // Still open, so still whole: it is rolled back.
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DiskFull) => StorageError::unavailable(error),
        _ => StorageError::Unknown { reason: error.to_string() },
    })
}

/// SQLite rolls back by itself when the disk is full or fails: then nothing of the group is there, and nothing more may begin.
fn still_open(db: &Connection) -> Result<(), StorageError> {
    if db.is_autocommit() { Err(StorageError::unavailable("the transaction was rolled back")) } else { Ok(()) }
}

/// One request that fails leaves the others of its group as they are.
fn within<T>(db: &Connection, act: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
    db.prepare_cached("SAVEPOINT request")?.execute([])?;
    let result = act();
    if result.is_err() && !db.is_autocommit() {
        db.prepare_cached("ROLLBACK TO request")?.execute([])?;
    }
    if !db.is_autocommit() {
        db.prepare_cached("RELEASE request")?.execute([])?;
    }
    result
}

fn create(db: &Connection, store_id: &str, backend_id: &str) -> Result<LogState, StorageError> {
    let mut insert = db.prepare_cached(
        "INSERT INTO store (name, backend_id, head, created_at) VALUES (?, ?, 0, ?) ON CONFLICT (name) DO NOTHING",
    )?;
    insert.execute((store_id, backend_id, now_ms()))?;
    let found = schema::log_state(db, store_id)?;
    found.map(|(_, log)| log).ok_or_else(|| StorageError::damaged(format!("`{store_id}` cannot be made")))
}

fn append(
    db: &Connection,
    store_id: &str,
    log: &LogState,
    entries: &[Entry],
    highest: &Highest,
) -> Result<Appended, StorageError> {
    let found = schema::log_state(db, store_id)?;
    let Some((key, _)) = found.as_ref().filter(|(_, found)| found == log) else {
        return Ok(Appended::Moved(found.map(|(_, found)| found)));
    };
    let mut insert =
        db.prepare_cached("INSERT INTO event (place, rest, created_at, principal, body) VALUES (?, ?, ?, ?, ?)")?;
    let mut head = log.head;
    for entry in entries {
        head += 1;
        if entry.number != head {
            return Err(StorageError::misuse(format!("e{} cannot follow e{}", entry.number, head - 1)));
        }
        let place = schema::place(*key, entry.number)?;
        insert.execute((place, entry.rest, entry.created_at_ms, entry.principal.as_deref(), &*entry.body))?;
    }
    for origin in highest.iter() {
        schema::raise_origin(db, *key, origin)?;
    }
    let mut update = db.prepare_cached("UPDATE store SET head = ? WHERE key = ?")?;
    update.execute((i64::try_from(head).map_err(StorageError::misuse)?, key))?;
    Ok(Appended::Stored)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
