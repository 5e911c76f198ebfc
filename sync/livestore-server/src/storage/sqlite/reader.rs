//! Reads, on connections of their own, beside the writer.

use super::super::{Entry, LogState, NUMBER_MAX, Nonce, ReadMax, StorageError, StoreSummary};
use super::schema;
use rusqlite::{Connection, OptionalExtension as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Connections that wait for the next read. As many are open as read at the same time.
const IDLE_MAX: usize = 8;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StorageError>) -> Result<T, StorageError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let db = idle.map_or_else(|| schema::open_for_reading(&self.path), Ok)?;
        let result = read(&db);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(db);
        }
        result
    }
}

pub(super) fn read(db: &Connection, store_id: &str, after: u64, max: ReadMax) -> Result<Vec<Entry>, StorageError> {
    // Head and events are read in one transaction, so that a gap cannot come from reading at two moments.
    let db = db.unchecked_transaction()?;
    let Some((key, log)) = schema::log_state(&db, store_id)? else { return Ok(Vec::new()) };
    if after >= log.head {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare_cached(
        "SELECT place, rest, created_at, principal, body FROM event WHERE place > ? AND place <= ? ORDER BY place",
    )?;
    let mut rows = statement.query([schema::place(key, after)?, schema::place(key, log.head)?])?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let body = row.get_ref(4)?.as_str().map_err(StorageError::damaged)?;
        if entries.len() == max.events.max(1) || (!entries.is_empty() && bytes + body.len() > max.bytes) {
            break;
        }
        bytes += body.len();
        let number = schema::number(row.get(0)?);
        let expected = after + entries.len() as u64 + 1;
        if number != expected {
            return Err(StorageError::damaged(format!("e{expected} of `{store_id}` is missing")));
        }
        entries.push(Entry {
            number,
            rest: row.get(1)?,
            created_at_ms: row.get(2)?,
            principal: row.get(3)?,
            body: body.into(),
        });
    }
    if entries.is_empty() {
        return Err(StorageError::damaged(format!("e{} of `{store_id}` is missing", after + 1)));
    }
    Ok(entries)
}

pub(super) fn origins(db: &Connection, store_id: &str, nonces: &[Nonce]) -> Result<Vec<Option<u64>>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT ordinal FROM origin WHERE store = (SELECT key FROM store WHERE name = ?) AND nonce = ?",
    )?;
    let mut highest = |nonce: &Nonce| {
        let found = statement.query_row((store_id, &nonce[..]), |row| row.get::<_, i64>(0)).optional()?;
        Ok(found.map(i64::unsigned_abs))
    };
    nonces.iter().map(&mut highest).collect()
}

pub(super) fn stores(db: &Connection, after: Option<&str>, max: usize) -> Result<Vec<StoreSummary>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT name, backend_id, head, created_at FROM store WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2",
    )?;
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let rows = statement.query_map((after, max), |row| {
        let log = LogState { backend_id: row.get(1)?, head: row.get::<_, i64>(2)?.unsigned_abs() };
        Ok(StoreSummary { store_id: row.get(0)?, log, created_at_ms: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The file's structure, and events that belong to no log.
pub(super) fn verify(db: &Connection) -> Result<Option<String>, StorageError> {
    let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(found));
    }
    let mut strays = db.prepare(
        "SELECT place FROM event WHERE NOT EXISTS
            (SELECT 1 FROM store WHERE key = event.place >> ?1 AND event.place & ?2 BETWEEN 1 AND head) LIMIT 1",
    )?;
    let max = i64::try_from(NUMBER_MAX).map_err(StorageError::damaged)?;
    let stray = strays.query_row((schema::NUMBER_BITS, max), |row| row.get(0)).optional()?;
    let Some(place) = stray else { return Ok(None) };
    let store = db.query_row("SELECT name FROM store WHERE key = ?", [place >> schema::NUMBER_BITS], |row| row.get(0));
    let store: Option<String> = store.optional()?;
    let number = schema::number(place);
    Ok(Some(match store {
        Some(store) => format!("e{number} of `{store}` stands behind the head of its log"),
        None => format!("e{number} of a store that is not there was found"),
    }))
}
