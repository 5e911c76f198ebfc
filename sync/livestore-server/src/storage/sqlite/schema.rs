//! The file's tables. Format 2; format 1 had no `origin`.

use super::super::identity::id_in;
use super::super::{LogState, NUMBER_MAX, Origin, StorageError};
use super::Synchronous;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::path::Path;
use std::time::Duration;

const FORMAT: i64 = 2;
const APPLICATION_ID: i64 = 0x4c53_5356;
/// A store's events stand together: the place of an event is its store's key and its number in one integer.
pub(super) const NUMBER_BITS: u32 = 40;

const TABLES: &str = "
CREATE TABLE store (
    key        INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    backend_id TEXT    NOT NULL,
    head       INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE event (
    place      INTEGER PRIMARY KEY,
    rest       INTEGER,
    created_at INTEGER NOT NULL,
    principal  TEXT,
    body       TEXT    NOT NULL
) STRICT;
";
/// The highest ordinal of each nonce in a log's ids.
const ORIGIN: &str = "
CREATE TABLE origin (
    store      INTEGER NOT NULL,
    nonce      BLOB    NOT NULL,
    ordinal    INTEGER NOT NULL,
    PRIMARY KEY (store, nonce)
) STRICT, WITHOUT ROWID;
";

/// Where the event stands in the table.
pub(super) fn place(key: i64, number: u64) -> Result<i64, StorageError> {
    let number = i64::try_from(number).ok().filter(|number| number.unsigned_abs() <= NUMBER_MAX);
    number
        .and_then(|number| key.checked_mul(1 << NUMBER_BITS)?.checked_add(number))
        .ok_or_else(|| StorageError::misuse(format!("no event can stand behind number {NUMBER_MAX}")))
}

pub(super) fn number(place: i64) -> u64 {
    place.unsigned_abs() & NUMBER_MAX
}

pub(super) fn open_for_writing(path: &Path, synchronous: Synchronous) -> Result<Connection, StorageError> {
    let db = Connection::open(path)?;
    configure(&db)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(
        None,
        "synchronous",
        match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        },
    )?;
    migrate(&db)?;
    Ok(db)
}

pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    configure(&db)?;
    Ok(db)
}

fn configure(db: &Connection) -> Result<(), StorageError> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_prepared_statement_cache_capacity(32);
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

fn migrate(db: &Connection) -> Result<(), StorageError> {
    let steps = match found(db)? {
        (0, 0) => {
            let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables > 0 {
                return Err(StorageError::damaged("the file holds something else than eventlogs"));
            }
            format!("{TABLES}{ORIGIN}")
        }
        (APPLICATION_ID, 1) => ORIGIN.to_owned(),
        found => return check(found, FORMAT),
    };
    let transaction = db.unchecked_transaction()?;
    transaction.execute_batch(&steps)?;
    fill_origins(&transaction)?;
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {FORMAT};"))?;
    Ok(transaction.commit()?)
}

/// Of a file that has events already.
fn fill_origins(db: &Connection) -> Result<(), StorageError> {
    let mut events = db.prepare("SELECT place >> ?, body FROM event")?;
    let mut rows = events.query([NUMBER_BITS])?;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_str().map_err(StorageError::damaged)?;
        if let Some(id) = id_in(body) {
            raise_origin(db, row.get(0)?, Origin::of(id))?;
        }
    }
    Ok(())
}

/// A log has this id from now on.
pub(super) fn raise_origin(db: &Connection, store: i64, origin: Origin) -> Result<(), StorageError> {
    let mut raise = db.prepare_cached(
        "INSERT INTO origin (store, nonce, ordinal) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET ordinal = max(ordinal, excluded.ordinal)",
    )?;
    let ordinal = i64::try_from(origin.ordinal).map_err(StorageError::misuse)?;
    raise.execute((store, &origin.nonce[..], ordinal))?;
    Ok(())
}

/// Whether the logs in the file can be read: those of format 1 can.
pub(super) fn check_readable(db: &Connection) -> Result<(), StorageError> {
    check(found(db)?, 1)
}

fn found(db: &Connection) -> Result<(i64, i64), StorageError> {
    let application = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok((application, db.pragma_query_value(None, "user_version", |row| row.get(0))?))
}

fn check(found: (i64, i64), oldest: i64) -> Result<(), StorageError> {
    match found {
        (APPLICATION_ID, format) if (oldest..=FORMAT).contains(&format) => Ok(()),
        (APPLICATION_ID, other) => Err(StorageError::damaged(format!(
            "the file has format {other}, and this server reads formats up to {FORMAT}: use the server that wrote it"
        ))),
        _ => Err(StorageError::damaged("the file holds something else than eventlogs")),
    }
}

/// A store's key in the file and its state.
pub(super) fn log_state(db: &Connection, store_id: &str) -> Result<Option<(i64, LogState)>, StorageError> {
    let mut statement = db.prepare_cached("SELECT key, backend_id, head FROM store WHERE name = ?")?;
    let found =
        statement.query_row([store_id], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))).optional()?;
    found
        .map(|(key, backend_id, head)| {
            let head =
                u64::try_from(head).map_err(|_| StorageError::damaged(format!("`{store_id}` has head {head}")))?;
            Ok((key, LogState { backend_id, head }))
        })
        .transpose()
}
