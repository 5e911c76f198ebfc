//! Logs in PostgreSQL: the conformance suite against a real server, and what is its own.

mod support;

use livestore_server::storage::{Entry, PostgresStorage, Storage, StorageError, conformance};
use std::sync::Arc;
use std::time::Duration;
use support::postgres::Postgres;

fn entry(number: u64) -> Entry {
    let body = format!(r#"{{"seqNum":{number}}}"#).into();
    Entry { number, rest: None, created_at_ms: 0, principal: None, body }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    let Some(server) = Postgres::start() else { return };
    let open = || async { Ok(Arc::new(PostgresStorage::connect(&server.url()).await?) as Arc<dyn Storage>) };
    let report = conformance::run(open).await;
    assert!(report.failures().is_empty(), "{report}");
    assert_eq!(report.checked(), 13, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_hears_what_another_stored() {
    let Some(server) = Postgres::start() else { return };
    let first = PostgresStorage::connect(&server.url()).await.unwrap();
    let second = PostgresStorage::connect(&server.url()).await.unwrap();
    let mut hints = first.hints().unwrap();
    let mut log = second.create("s", "b").await.unwrap();
    let heard = async {
        // Until the first listens, hints go by.
        loop {
            second.append("s", &log, vec![entry(log.head + 1)]).await.unwrap();
            log.head += 1;
            if let Ok(hint) = tokio::time::timeout(Duration::from_millis(100), hints.recv()).await {
                return hint;
            }
        }
    };
    let heard = tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap();
    assert_eq!(heard.as_deref(), Some("s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_hear_of_what_it_stored_itself() {
    let Some(server) = Postgres::start() else { return };
    let [own, other] = [(); 2].map(|()| server.url());
    let own = PostgresStorage::connect(&own).await.unwrap();
    let other = PostgresStorage::connect(&other).await.unwrap();
    let mut hints = own.hints().unwrap();
    let mut logs = [own.create("own", "a").await.unwrap(), other.create("other", "b").await.unwrap()];
    let heard = async {
        let mut heard = 0;
        // Until it listens, hints go by; what it hears comes in the order in which it was announced.
        while heard < 3 {
            own.append("own", &logs[0], vec![entry(logs[0].head + 1)]).await.unwrap();
            other.append("other", &logs[1], vec![entry(logs[1].head + 1)]).await.unwrap();
            logs.iter_mut().for_each(|log| log.head += 1);
            if let Ok(hint) = tokio::time::timeout(Duration::from_millis(100), hints.recv()).await {
                assert_eq!(hint.as_deref(), Some("other"));
                heard += 1;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_make_the_tables_once() {
    let Some(server) = Postgres::start() else { return };
    let url = server.url();
    let starting: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { PostgresStorage::connect(&url).await.map(drop) })
        })
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_made_again() {
    let Some(server) = Postgres::start() else { return };
    let storage = PostgresStorage::connect(&server.url()).await.unwrap();
    let log = storage.create("s", "b").await.unwrap();
    let (other, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'livestore-server'";
    other.execute(kill, &[]).await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while let Err(error) = storage.append("s", &log, vec![entry(1)]).await {
        assert!(std::time::Instant::now() < deadline, "{error}");
        assert!(matches!(error, StorageError::Unavailable { .. } | StorageError::Unknown { .. }), "{error}");
    }
    assert_eq!(storage.load("s").await.unwrap().unwrap().head, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_format_1_are_migrated() {
    let Some(server) = Postgres::start() else { return };
    drop(PostgresStorage::connect(&server.url()).await.unwrap());
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // What format 1 had, with more events than are read at once.
    let old = r#"
        DROP TABLE livestore_origin;
        UPDATE livestore_format SET format = 1;
        INSERT INTO livestore_store (name, backend_id, head, created_at) VALUES ('s', 'b', 2500, 7), ('t', 'c', 1, 8);
        INSERT INTO livestore_event (store, number, created_at, body)
        SELECT key, number, 1, '{"args":"\u0000","id":"0a0a0a0a0a0a0a0a0a0a0a' || lpad(to_hex(number), 10, '0') || '"}'
        FROM livestore_store, generate_series(1, head) AS number;
    "#;
    client.batch_execute(old).await.unwrap();
    for _ in 0..2 {
        let storage = PostgresStorage::connect(&server.url()).await.unwrap();
        assert_eq!(storage.origins("s", vec![[10; 11], [11; 11]]).await.unwrap(), [Some(2_500), None]);
        assert_eq!(storage.origins("t", vec![[10; 11]]).await.unwrap(), [Some(1)]);
    }
    client.batch_execute("UPDATE livestore_format SET format = 3").await.unwrap();
    let error = PostgresStorage::connect(&server.url()).await.unwrap_err();
    assert!(error.to_string().contains("the tables have format 3"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_refused_without_its_password() {
    let error = PostgresStorage::connect("postgres://me:secret@host:port/x").await.unwrap_err();
    assert!(matches!(error, StorageError::Misuse { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    let error = PostgresStorage::connect("postgres://me:secret@127.0.0.1:1/x").await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_moves_between_the_storages_and_back() {
    use livestore_server::archive::{Identity, check, export, import};
    use livestore_server::storage::{SqliteStorage, Synchronous};
    let Some(server) = Postgres::start() else { return };
    let database = PostgresStorage::connect(&server.url()).await.unwrap();
    let log = database.create("s", "b").await.unwrap();
    let entries = (1..=1_500).map(|number| {
        let parent = number - 1;
        let body =
            format!(r#"{{"name":"e","seqNum":{number},"parentSeqNum":{parent},"clientId":"c","sessionId":"s"}}"#);
        Entry { number, rest: None, created_at_ms: 7, principal: Some("ada".into()), body: body.into() }
    });
    database.append("s", &log, entries.collect()).await.unwrap();
    let mut file = Vec::new();
    export(&database, "s", &mut file, |_| {}).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let embedded = SqliteStorage::open(dir.path(), Synchronous::Normal).unwrap();
    import(&embedded, "s", &*file, Identity::Keep, |_| {}).await.unwrap();
    let mut again = Vec::new();
    export(&embedded, "s", &mut again, |_| {}).await.unwrap();
    assert!(again == file, "the same bytes");
    let imported = import(&database, "t", &*again, Identity::New, |_| {}).await.unwrap();
    assert_eq!(check(&database, "t", |_| {}).await.unwrap(), imported.log);
    assert_eq!(database.verify().await.unwrap(), None);

    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.execute("UPDATE livestore_store SET head = 1499 WHERE name = 's'", &[]).await.unwrap();
    let said = database.verify().await.unwrap();
    assert_eq!(said.as_deref(), Some("e1500 of `s` stands behind the head of its log"));
    client.execute("DELETE FROM livestore_event WHERE number = 7", &[]).await.unwrap();
    let error = check(&database, "s", |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("e7 of `s` is missing"), "{error}");
}
