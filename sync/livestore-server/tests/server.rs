//! The server over real sockets, spoken to in bare frames.

mod support;

use livestore_server::auth::{Gate, TokenFile};
use livestore_server::limits::ServerLimits;
use livestore_server::serve::Server;
use livestore_server::storage::{SqliteStorage, Storage, Synchronous};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use support::server::{Client, Running, event, numbers};

fn storage(dir: &Path) -> Arc<dyn Storage> {
    Arc::new(SqliteStorage::open(dir, Synchronous::Normal).unwrap())
}

#[tokio::test]
async fn what_one_client_pushes_all_get_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(Server::builder(storage(dir.path())).build()).await;
    let mut first = Client::connect(running.address, "s").await;
    let mut second = Client::connect(running.address, "s").await;
    for client in [&mut first, &mut second] {
        client.pull(None).await;
        assert_eq!(numbers(&client.page().await), Vec::<u64>::new(), "an empty log has one empty page");
    }
    let push = first.push(&[event(1, "a"), event(2, "b")]).await;
    assert_eq!(first.exit(&push).await["_tag"], "Success");
    assert_eq!(numbers(&second.page().await), [1, 2]);
    // The second is behind, and hears what it lacks.
    let stale = second.push(&[event(2, "x")]).await;
    let failure = second.exit(&stale).await;
    assert_eq!(failure["cause"]["error"]["_tag"], "ServerAheadError");
    assert_eq!(failure["cause"]["error"]["minimumExpectedNum"], 2);
    let push = second.push(&[event(3, "c")]).await;
    assert_eq!(second.exit(&push).await["_tag"], "Success");
    running.stop().await;
}

#[tokio::test]
async fn the_log_outlives_the_server_and_keeps_its_backend_id() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(Server::builder(storage(dir.path())).build()).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    let backend_id = client.page().await["backendId"].as_str().unwrap().to_owned();
    let events: Vec<_> = (1..=250).map(|number| event(number, "text")).collect();
    for batch in events.chunks(100) {
        let push = client.push(batch).await;
        assert_eq!(client.exit(&push).await["_tag"], "Success");
    }
    running.stop().await;
    let mut ended = client.receive().await;
    while ended.is_some() {
        ended = client.receive().await;
    }

    let running = Running::start(Server::builder(storage(dir.path())).build()).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(Some((&backend_id, 1))).await;
    let mut seen = Vec::new();
    loop {
        let page = client.page().await;
        assert_eq!(page["backendId"], backend_id.as_str());
        assert!(page["batch"].as_array().unwrap().len() <= 100);
        seen.extend(numbers(&page));
        if page["pageInfo"]["_tag"] == "NoMore" {
            break;
        }
    }
    assert_eq!(seen, (2..=250).collect::<Vec<_>>());
    let other = client.request(
        "Pull",
        json!({"live": false, "cursor": {"_tag": "Some", "value":
        {"backendId": "another", "eventSequenceNumber": 1}}}),
    );
    let other = other.await;
    assert_eq!(client.exit(&other).await["cause"]["error"]["_tag"], "BackendIdMismatchError");
    running.stop().await;
}

#[tokio::test]
async fn a_token_opens_its_stores_only() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "token-of-the-team team-* write\ntoken-of-a-reader team-a read\n").unwrap();
    let limits = ServerLimits::default();
    let gate = Gate::new(Arc::new(TokenFile::open(&tokens).unwrap()), &limits);
    let running = Running::start(Server::builder(storage(&dir.path().join("data"))).gate(gate).build()).await;
    let connect = async |store, token: &str| {
        let bearer = format!("Bearer {token}");
        Client::try_connect(running.address, store, &[("authorization", &bearer)]).await
    };
    for (store, token) in [("team-a", "wrong"), ("other", "token-of-the-team"), ("team-b", "token-of-a-reader")] {
        assert!(connect(store, token).await.is_err(), "{store}");
    }
    assert!(Client::try_connect(running.address, "team-a", &[]).await.is_err());
    let mut writer = connect("team-a", "token-of-the-team").await.unwrap();
    let push = writer.push(&[event(1, "a")]).await;
    assert_eq!(writer.exit(&push).await["_tag"], "Success");
    let mut reader = connect("team-a", "token-of-a-reader").await.unwrap();
    reader.pull(None).await;
    assert_eq!(numbers(&reader.page().await), [1]);
    let push = reader.push(&[event(2, "b")]).await;
    assert_eq!(reader.exit(&push).await["_tag"], "Failure");
    running.stop().await;
}

#[tokio::test]
async fn two_servers_on_one_database_serve_the_same_store() {
    let Some(postgres) = support::postgres::Postgres::start() else { return };
    let mut servers = Vec::new();
    for _ in 0..2 {
        let storage = livestore_server::storage::PostgresStorage::connect(&postgres.url()).await.unwrap();
        servers.push(Running::start(Server::builder(Arc::new(storage)).build()).await);
    }
    let mut first = Client::connect(servers[0].address, "s").await;
    let mut second = Client::connect(servers[1].address, "s").await;
    for client in [&mut first, &mut second] {
        client.pull(None).await;
        assert_eq!(numbers(&client.page().await), Vec::<u64>::new());
    }
    let push = first.push(&[event(1, "a")]).await;
    assert_eq!(first.exit(&push).await["_tag"], "Success");
    assert_eq!(numbers(&second.page().await), [1], "the other server hears of it");
    let stale = second.push(&[event(1, "x")]).await;
    assert_eq!(second.exit(&stale).await["cause"]["error"]["_tag"], "ServerAheadError");
    let push = second.push(&[event(2, "b")]).await;
    assert_eq!(second.exit(&push).await["_tag"], "Success");
    // The page of its own push may have gone by already.
    assert_eq!(numbers(&first.page().await), [2]);
    for server in servers {
        server.stop().await;
    }
}
