//! The tables. Format 2; format 1 had no `livestore_origin`.

use super::link::unavailable;
use crate::storage::identity::{Highest, id_in};
use crate::storage::{Origin, StorageError};
use std::collections::BTreeMap;
use tokio_postgres::{Client, Statement, Transaction};

const FORMAT: i32 = 2;
/// Names the lock under which one server makes the tables and the others wait; any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x4c53_5356_0001;

/// Names are compared byte for byte (`C`), so that the order of a listing does not hang on the database's language.
const TABLES: &str = r#"
CREATE TABLE livestore_format (format INTEGER NOT NULL);
CREATE TABLE livestore_store (
    key        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL UNIQUE,
    backend_id TEXT   NOT NULL,
    head       BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE livestore_event (
    store      BIGINT NOT NULL,
    number     BIGINT NOT NULL,
    rest       INTEGER,
    created_at BIGINT NOT NULL,
    principal  TEXT,
    body       TEXT   NOT NULL,
    PRIMARY KEY (store, number)
);
"#;
/// The highest ordinal of each nonce in a log's ids.
const ORIGIN: &str = "
CREATE TABLE livestore_origin (
    store      BIGINT NOT NULL,
    nonce      BYTEA  NOT NULL,
    ordinal    BIGINT NOT NULL,
    PRIMARY KEY (store, nonce)
);
";

pub(super) async fn migrate(client: &mut Client) -> Result<(), StorageError> {
    let transaction = client.transaction().await.map_err(unavailable)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(unavailable)?;
    let found =
        transaction.query_one("SELECT to_regclass('livestore_format') IS NOT NULL", &[]).await.map_err(unavailable)?;
    if found.try_get(0).map_err(unavailable)? {
        let rows = transaction.query("SELECT format FROM livestore_format", &[]).await.map_err(unavailable)?;
        let format: Option<i32> = rows.first().map(|row| row.try_get(0)).transpose().map_err(unavailable)?;
        match format {
            Some(FORMAT) => {}
            Some(1) => add_origins(&transaction).await?,
            other => {
                let format = other.map_or_else(|| "no format".into(), |format| format!("format {format}"));
                return Err(StorageError::damaged(format!(
                    "the tables have {format}, and this server reads format {FORMAT}: use the server that made them"
                )));
            }
        }
    } else {
        transaction.batch_execute(TABLES).await.map_err(unavailable)?;
        transaction.batch_execute(ORIGIN).await.map_err(unavailable)?;
        transaction.execute("INSERT INTO livestore_format VALUES ($1)", &[&FORMAT]).await.map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)
}

/// From format 1. Servers that know no other have to be stopped before: what they store later would be missing here.
async fn add_origins(transaction: &Transaction<'_>) -> Result<(), StorageError> {
    let lock = "LOCK TABLE livestore_store, livestore_event IN EXCLUSIVE MODE";
    transaction.batch_execute(lock).await.map_err(unavailable)?;
    transaction.batch_execute(ORIGIN).await.map_err(unavailable)?;
    let events = transaction.bind("SELECT store, body FROM livestore_event", &[]).await.map_err(unavailable)?;
    loop {
        let rows = transaction.query_portal(&events, 1_000).await.map_err(unavailable)?;
        let mut stores: BTreeMap<i64, Highest> = BTreeMap::new();
        for row in &rows {
            if let Some(id) = id_in(row.try_get(1).map_err(unavailable)?) {
                stores.entry(row.try_get(0).map_err(unavailable)?).or_default().add(id);
            }
        }
        for (store, highest) in &stores {
            let (nonces, ordinals) = columns(highest)?;
            transaction.execute(RAISE, &[store, &nonces, &ordinals]).await.map_err(unavailable)?;
        }
        if rows.is_empty() {
            break;
        }
    }
    transaction.execute("UPDATE livestore_format SET format = $1", &[&FORMAT]).await.map_err(unavailable)?;
    Ok(())
}

/// Origins, column by column.
pub(super) fn columns(highest: &Highest) -> Result<(Vec<Vec<u8>>, Vec<i64>), StorageError> {
    let ordinal = |origin: Origin| i64::try_from(origin.ordinal).map_err(StorageError::misuse);
    let ordinals = highest.iter().map(ordinal).collect::<Result<_, _>>()?;
    Ok((highest.iter().map(|origin| origin.nonce.to_vec()).collect(), ordinals))
}

/// What one connection has prepared.
pub(super) struct Statements {
    pub(super) load: Statement,
    pub(super) create: Statement,
    pub(super) append: Statement,
    pub(super) read: Statement,
    pub(super) origins: Statement,
    pub(super) stores: Statement,
    pub(super) notify: Statement,
}

const RAISE: &str = "
INSERT INTO livestore_origin AS known (store, nonce, ordinal)
SELECT $1, origin.* FROM UNNEST($2::bytea[], $3::bigint[]) AS origin
ON CONFLICT (store, nonce) DO UPDATE SET ordinal = greatest(known.ordinal, excluded.ordinal)";

/// Head and events in one statement, so in one transaction. It waits for another append to the same log and then sees its head.
const APPEND: &str = "
WITH moved AS (
    UPDATE livestore_store SET head = $4 WHERE name = $1 AND backend_id = $2 AND head = $3 RETURNING key
), stored AS (
    INSERT INTO livestore_event (store, number, rest, created_at, principal, body)
    SELECT moved.key, event.* FROM moved, UNNEST($5::bigint[], $6::int[], $7::bigint[], $8::text[], $9::text[]) AS event
), raised AS (
    INSERT INTO livestore_origin AS known (store, nonce, ordinal)
    SELECT moved.key, origin.* FROM moved, UNNEST($10::bytea[], $11::bigint[]) AS origin
    ON CONFLICT (store, nonce) DO UPDATE SET ordinal = greatest(known.ordinal, excluded.ordinal)
)
SELECT count(*) FROM moved";

const READ: &str = "
SELECT number, rest, created_at, principal, body FROM (
    SELECT *, sum(octet_length(body)) OVER (ORDER BY number) AS bytes FROM (
        SELECT event.* FROM livestore_event AS event JOIN livestore_store AS store ON store.key = event.store
        WHERE store.name = $1 AND event.number > $2 AND event.number <= store.head ORDER BY event.number LIMIT $3
    ) AS page
) AS measured
WHERE bytes <= $4 OR number = $2 + 1 ORDER BY number";

/// An event that belongs to no log, where there is one.
pub(super) const STRAYS: &str = "
SELECT store.name, event.number FROM livestore_event AS event LEFT JOIN livestore_store AS store ON store.key = event.store
WHERE store.key IS NULL OR event.number NOT BETWEEN 1 AND store.head LIMIT 1";

impl Statements {
    pub(super) async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            load: client.prepare("SELECT backend_id, head FROM livestore_store WHERE name = $1").await?,
            create: client
                .prepare(
                    "INSERT INTO livestore_store (name, backend_id, head, created_at)
                     VALUES ($1, $2, 0, (extract(epoch FROM now()) * 1000)::bigint) ON CONFLICT (name) DO NOTHING",
                )
                .await?,
            append: client.prepare(APPEND).await?,
            read: client.prepare(READ).await?,
            origins: client
                .prepare(
                    "SELECT nonce, ordinal FROM livestore_origin JOIN livestore_store ON key = store
                     WHERE name = $1 AND nonce = ANY ($2::bytea[])",
                )
                .await?,
            stores: client
                .prepare(
                    "SELECT name, backend_id, head, created_at FROM livestore_store
                     WHERE $1::text IS NULL OR name > $1 ORDER BY name LIMIT $2",
                )
                .await?,
            notify: client.prepare("SELECT pg_notify('livestore', hint) FROM UNNEST($1::text[]) AS hint").await?,
        })
    }
}
