//! The tables. Format 1.

use super::link::unavailable;
use crate::storage::StorageError;
use tokio_postgres::{Client, Statement};

const FORMAT: i32 = 1;
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

pub(super) async fn migrate(client: &mut Client) -> Result<(), StorageError> {
    let transaction = client.transaction().await.map_err(unavailable)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(unavailable)?;
    let found =
        transaction.query_one("SELECT to_regclass('livestore_format') IS NOT NULL", &[]).await.map_err(unavailable)?;
    if found.try_get(0).map_err(unavailable)? {
        let rows = transaction.query("SELECT format FROM livestore_format", &[]).await.map_err(unavailable)?;
        let format: Option<i32> = rows.first().map(|row| row.try_get(0)).transpose().map_err(unavailable)?;
        if format != Some(FORMAT) {
            let format = format.map_or_else(|| "no format".into(), |format| format!("format {format}"));
            return Err(StorageError::damaged(format!(
                "the tables have {format}, and this server reads format {FORMAT}: use the server that made them"
            )));
        }
    } else {
        transaction.batch_execute(TABLES).await.map_err(unavailable)?;
        transaction.execute("INSERT INTO livestore_format VALUES ($1)", &[&FORMAT]).await.map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)
}

/// What one connection has prepared.
pub(super) struct Statements {
    pub(super) load: Statement,
    pub(super) create: Statement,
    pub(super) append: Statement,
    pub(super) read: Statement,
    pub(super) stores: Statement,
    pub(super) notify: Statement,
}

/// Head and events in one statement, so in one transaction. It waits for another append to the same log and then sees its head.
const APPEND: &str = "
WITH moved AS (
    UPDATE livestore_store SET head = $4 WHERE name = $1 AND backend_id = $2 AND head = $3 RETURNING key
), stored AS (
    INSERT INTO livestore_event (store, number, rest, created_at, principal, body)
    SELECT moved.key, event.* FROM moved, UNNEST($5::bigint[], $6::int[], $7::bigint[], $8::text[], $9::text[]) AS event
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
            stores: client
                .prepare(
                    "SELECT name, backend_id, head, created_at FROM livestore_store
                     WHERE $1::text IS NULL OR name > $1 ORDER BY name LIMIT $2",
                )
                .await?,
            notify: client.prepare("SELECT pg_notify('livestore', $1)").await?,
        })
    }
}
