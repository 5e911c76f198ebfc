//! Logs in PostgreSQL: several servers may serve the same stores.

mod hints;
mod link;
mod schema;

use super::identity::Highest;
use super::{
    Appended, Entry, LogState, NUMBER_MAX, Nonce, ReadMax, Storage, StorageError, StorageFuture, StoreSummary,
};
use link::{Links, outcome, unavailable};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_postgres::Config;
use tokio_postgres::types::ToSql;

/// A storage in a PostgreSQL database, for when one machine is not enough: any number of servers may use one database.
///
/// Every append is one statement that moves the head only from the value it expects, so two servers never give one number
/// twice. What is stored is announced by `NOTIFY`, as a hint only. Durability is the database's (`synchronous_commit`). All
/// reads go to the primary. Tables are made and migrated when it is opened; they stand in the first schema of the connection's
/// `search_path`.
pub struct PostgresStorage {
    links: Links,
    announcer: hints::Announcer,
    hints: Mutex<Option<UnboundedReceiver<Box<str>>>>,
    _listener: hints::Listener,
}

impl std::fmt::Debug for PostgresStorage {
    // The configuration holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStorage").finish_non_exhaustive()
    }
}

impl PostgresStorage {
    /// Connects, and makes the tables where they are missing. `url` is what `psql` takes: `postgres://user:password@host/database`
    /// or `host=… user=…`; `sslmode=require` asks for TLS, checked against the usual authorities.
    ///
    /// # Errors
    ///
    /// [`StorageError::Misuse`] for an address that does not read, [`StorageError::Unavailable`] when the database does not
    /// answer, [`StorageError::Damaged`] when its tables are of another version.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        let mut config: Config =
            url.parse().map_err(|error| StorageError::misuse(format!("the database's address: {error}")))?;
        config.application_name("livestore-server");
        let links = Links::new(config.clone());
        schema::migrate(&mut *links.alone().await?).await?;
        let announcer = hints::Announcer::new();
        let (listener, hints) = hints::Listener::start(config, announcer.clone());
        Ok(Self { links, announcer, hints: Mutex::new(Some(hints)), _listener: listener })
    }

    async fn load_log(&self, store_id: &str) -> Result<Option<LogState>, StorageError> {
        check_name(store_id)?;
        let link = self.links.get().await?;
        let rows = link.asked(link.client.query(&link.statements.load, &[&store_id])).await?;
        rows.first().map(|row| log_state(row.try_get(0), row.try_get(1))).transpose()
    }

    async fn create_log(&self, store_id: &str, backend_id: &str) -> Result<LogState, StorageError> {
        check_name(store_id)?;
        let link = self.links.get().await?;
        let parameters: &[&(dyn ToSql + Sync)] = &[&store_id, &backend_id];
        let creating = link.client.execute(&link.statements.create, parameters);
        link.answer(creating, outcome, |reason| StorageError::Unknown { reason }).await?;
        let found = self.load_log(store_id).await?;
        found.ok_or_else(|| StorageError::damaged(format!("`{store_id}` was made and is not there")))
    }

    async fn append_log(&self, store_id: &str, log: &LogState, entries: Vec<Entry>) -> Result<Appended, StorageError> {
        check_name(store_id)?;
        let columns = Columns::of(log, &entries)?;
        let link = self.links.get().await?;
        let (backend_id, head) = (&*log.backend_id, signed(log.head)?);
        let next = signed(log.head + entries.len() as u64)?;
        let (nonces, ordinals) = schema::columns(&Highest::of(&entries))?;
        let Columns { numbers, rests, times, principals, bodies } = &columns;
        let parameters: &[&(dyn ToSql + Sync)] =
            &[&store_id, &backend_id, &head, &next, numbers, rests, times, principals, bodies, &nonces, &ordinals];
        let appending = link.client.query_one(&link.statements.append, parameters);
        let moved = link.answer(appending, outcome, |reason| StorageError::Unknown { reason }).await?;
        let moved: i64 = moved.try_get(0).map_err(outcome)?;
        if moved == 0 {
            return Ok(Appended::Moved(self.load_log(store_id).await?));
        }
        if !entries.is_empty() {
            self.announcer.announce(&link, store_id);
        }
        Ok(Appended::Stored)
    }

    async fn read_log(&self, store_id: &str, after: u64, max: ReadMax) -> Result<Vec<Entry>, StorageError> {
        check_name(store_id)?;
        if after >= NUMBER_MAX {
            return Ok(Vec::new());
        }
        let link = self.links.get().await?;
        let events = i64::try_from(max.events.max(1)).unwrap_or(i64::MAX);
        let bytes = i64::try_from(max.bytes).unwrap_or(i64::MAX);
        let parameters: &[&(dyn ToSql + Sync)] = &[&store_id, &signed(after)?, &events, &bytes];
        let rows = link.asked(link.client.query(&link.statements.read, parameters)).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let entry = entry(row).map_err(unavailable)?;
            let expected = after + entries.len() as u64 + 1;
            if entry.number != expected {
                return Err(StorageError::damaged(format!("e{expected} of `{store_id}` is missing")));
            }
            entries.push(entry);
        }
        if entries.is_empty() && self.load_log(store_id).await?.is_some_and(|log| log.head > after) {
            // Between the two statements something may have come.
            let again = link.asked(link.client.query(&link.statements.read, parameters)).await?;
            if again.is_empty() {
                return Err(StorageError::damaged(format!("e{} of `{store_id}` is missing", after + 1)));
            }
        }
        Ok(entries)
    }

    async fn origins_of(&self, store_id: &str, nonces: &[Nonce]) -> Result<Vec<Option<u64>>, StorageError> {
        check_name(store_id)?;
        let link = self.links.get().await?;
        let asked: Vec<&[u8]> = nonces.iter().map(|nonce| &nonce[..]).collect();
        let rows = link.asked(link.client.query(&link.statements.origins, &[&store_id, &asked])).await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            let ordinal: i64 = row.try_get(1).map_err(unavailable)?;
            found.insert(row.try_get::<_, &[u8]>(0).map_err(unavailable)?, ordinal.unsigned_abs());
        }
        Ok(nonces.iter().map(|nonce| found.get(&nonce[..]).copied()).collect())
    }

    async fn list(&self, after: Option<&str>, max: usize) -> Result<Vec<StoreSummary>, StorageError> {
        let link = self.links.get().await?;
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = link.asked(link.client.query(&link.statements.stores, &[&after, &max])).await?;
        let summary = |row: &tokio_postgres::Row| {
            let log = log_state(row.try_get(1), row.try_get(2))?;
            let store_id = row.try_get(0).map_err(unavailable)?;
            Ok(StoreSummary { store_id, log, created_at_ms: row.try_get(3).map_err(unavailable)? })
        };
        rows.iter().map(summary).collect()
    }
}

impl PostgresStorage {
    /// Events that belong to no log. Asked for rarely, so the statement is not kept.
    async fn strays(&self) -> Result<Option<String>, StorageError> {
        let link = self.links.get().await?;
        let rows = link.client.query(schema::STRAYS, &[]).await.map_err(unavailable)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let store: Option<&str> = row.try_get(0).map_err(unavailable)?;
        let number: i64 = row.try_get(1).map_err(unavailable)?;
        Ok(Some(match store {
            Some(store) => format!("e{number} of `{store}` stands behind the head of its log"),
            None => format!("e{number} of a store that is not there was found"),
        }))
    }
}

impl Storage for PostgresStorage {
    fn load<'a>(&'a self, store_id: &'a str) -> StorageFuture<'a, Option<LogState>> {
        Box::pin(self.load_log(store_id))
    }

    fn create<'a>(&'a self, store_id: &'a str, backend_id: &'a str) -> StorageFuture<'a, LogState> {
        Box::pin(self.create_log(store_id, backend_id))
    }

    fn append<'a>(&'a self, store_id: &'a str, log: &'a LogState, entries: Vec<Entry>) -> StorageFuture<'a, Appended> {
        Box::pin(self.append_log(store_id, log, entries))
    }

    fn read<'a>(&'a self, store_id: &'a str, after: u64, max: ReadMax) -> StorageFuture<'a, Vec<Entry>> {
        Box::pin(self.read_log(store_id, after, max))
    }

    fn origins<'a>(&'a self, store_id: &'a str, nonces: Vec<Nonce>) -> StorageFuture<'a, Vec<Option<u64>>> {
        Box::pin(async move { self.origins_of(store_id, &nonces).await })
    }

    fn stores<'a>(&'a self, after: Option<&'a str>, max: usize) -> StorageFuture<'a, Vec<StoreSummary>> {
        Box::pin(self.list(after, max))
    }

    fn verify(&self) -> StorageFuture<'_, Option<String>> {
        Box::pin(self.strays())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn hints(&self) -> Option<UnboundedReceiver<Box<str>>> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A batch, column by column, as one statement takes it.
#[derive(Default)]
struct Columns<'a> {
    numbers: Vec<i64>,
    rests: Vec<Option<i32>>,
    times: Vec<i64>,
    principals: Vec<Option<&'a str>>,
    bodies: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(log: &LogState, entries: &'a [Entry]) -> Result<Self, StorageError> {
        let mut columns = Self::default();
        for (expected, entry) in (log.head + 1..).zip(entries) {
            if entry.number != expected || expected > NUMBER_MAX {
                return Err(StorageError::misuse(format!("e{} cannot follow e{}", entry.number, expected - 1)));
            }
            columns.numbers.push(signed(entry.number)?);
            columns.rests.push(entry.rest.map(i32::try_from).transpose().map_err(StorageError::misuse)?);
            columns.times.push(entry.created_at_ms);
            columns.principals.push(entry.principal.as_deref());
            columns.bodies.push(&entry.body);
        }
        Ok(columns)
    }
}

fn entry(row: &tokio_postgres::Row) -> Result<Entry, tokio_postgres::Error> {
    Ok(Entry {
        number: row.try_get::<_, i64>(0)?.unsigned_abs(),
        rest: row.try_get::<_, Option<i32>>(1)?.map(i32::unsigned_abs),
        created_at_ms: row.try_get(2)?,
        principal: row.try_get(3)?,
        body: row.try_get::<_, &str>(4)?.into(),
    })
}

fn log_state(
    backend_id: Result<Box<str>, tokio_postgres::Error>,
    head: Result<i64, tokio_postgres::Error>,
) -> Result<LogState, StorageError> {
    let head = head.map_err(unavailable)?;
    let head = u64::try_from(head).map_err(|_| StorageError::damaged(format!("a log has head {head}")))?;
    Ok(LogState { backend_id: backend_id.map_err(unavailable)?, head })
}

fn signed(number: u64) -> Result<i64, StorageError> {
    i64::try_from(number).map_err(|_| StorageError::misuse(format!("no event can stand at number {number}")))
}

/// PostgreSQL's text holds everything but this.
fn check_name(store_id: &str) -> Result<(), StorageError> {
    if store_id.contains('\0') { Err(StorageError::misuse("a store id cannot hold a NUL")) } else { Ok(()) }
}
