//! Several servers on one PostgreSQL, which hear nothing of one another, end, or lose their database for a while.

use crate::faulty::Faulty;
use crate::support::postgres::Postgres;
use crate::support::process::ServerProcess;
use crate::support::server::{Client, LONG, Running, event, numbers};
use livestore_server::serve::Server;
use livestore_server::storage::PostgresStorage;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

#[tokio::test]
async fn without_any_notification_the_look_at_the_head_is_enough() {
    let Some(postgres) = Postgres::start() else { return };
    let mut servers = Vec::new();
    for _ in 0..2 {
        // One that passes on no hints.
        let storage = Faulty::shared(Arc::new(PostgresStorage::connect(&postgres.url()).await.unwrap()));
        servers.push(Running::start(Server::builder(storage).build()).await);
    }
    let mut first = Client::connect(servers[0].address, "s").await;
    let mut second = Client::connect(servers[1].address, "s").await;
    for client in [&mut first, &mut second] {
        client.pull(None).await;
        client.page().await;
    }
    for number in 1..=3 {
        let push = first.push(&[event(number, "a")]).await;
        assert_eq!(first.exit(&push).await["_tag"], "Success");
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(numbers(&second.page().await));
    }
    assert_eq!(seen, [1, 2, 3]);
    for server in servers {
        server.stop().await;
    }
}

/// Pushes texts of its own one after the other, until so many are acknowledged: whatever ends a connection, it comes back to one of
/// these servers, looks whether its event is there, and tries again.
async fn insist(addresses: Vec<SocketAddr>, name: &'static str, count: u64) {
    let mut done = 0;
    for turn in 0.. {
        let address = addresses[turn % addresses.len()];
        let Ok(mut client) = Client::try_connect(address, "s", &[]).await else {
            tokio::task::yield_now().await;
            continue;
        };
        done = push_on(&mut client, name, done, count).await;
        if done == count {
            return;
        }
    }
}

/// How many are in the log when the connection ends.
async fn push_on(client: &mut Client, name: &str, done: u64, count: u64) -> u64 {
    if client.try_request("Pull", json!({"live": true, "cursor": {"_tag": "None"}})).await.is_err() {
        return done;
    }
    let (mut head, mut own, mut under_way) = (0, 0, None::<String>);
    loop {
        let Some(frame) = client.receive().await else { return own.max(done) };
        match frame["_tag"].as_str() {
            Some("Chunk") => {
                let page = &frame["values"][0];
                for item in page["batch"].as_array().unwrap() {
                    let event = &item["eventEncoded"];
                    head += 1;
                    assert_eq!(event["seqNum"], head, "in order, without gaps");
                    let text = event["args"]["text"].as_str().unwrap();
                    if let Some(number) = text.strip_prefix(name) {
                        own += 1;
                        assert_eq!(number, own.to_string(), "each once, in order");
                    }
                }
                let ack: Value = json!({"_tag": "Ack", "requestId": frame["requestId"]});
                if client.try_send(&ack).await.is_err() {
                    return own.max(done);
                }
                if page["pageInfo"]["_tag"] != "NoMore" {
                    continue;
                }
            }
            Some("Exit") if frame["requestId"] == under_way.as_deref().unwrap_or("-") => under_way = None,
            _ => {}
        }
        if own == count {
            return own;
        }
        if under_way.is_none() {
            let Ok(id) = client.try_push(&[event(head + 1, &format!("{name}{}", own + 1))]).await else { return own };
            under_way = Some(id);
        }
    }
}

async fn texts(address: SocketAddr) -> Vec<String> {
    let mut client = Client::connect(address, "s").await;
    client.pull(None).await;
    let mut texts = Vec::new();
    loop {
        let page = client.page().await;
        let batch = page["batch"].as_array().unwrap();
        texts.extend(batch.iter().map(|item| item["eventEncoded"]["args"]["text"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["_tag"] == "NoMore" {
            return texts;
        }
    }
}

fn expected(names: &[&str], count: u64) -> Vec<String> {
    let mut all: Vec<String> =
        names.iter().flat_map(|name| (1..=count).map(move |number| format!("{name}{number}"))).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_a_server_that_ends_go_on_at_the_other() {
    let Some(postgres) = Postgres::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let url = postgres.url();
    let start = || ServerProcess::start(dir.path(), &["--storage", &url]);
    let (first, second) = (start(), start());
    let both = vec![first.address, second.address];
    let one = tokio::spawn(insist(both.clone(), "a", 40));
    let other = tokio::spawn(insist(vec![second.address], "b", 40));
    let mut watcher = Client::connect(second.address, "s").await;
    watcher.pull(None).await;
    let mut seen = 0;
    while seen < 10 {
        seen += numbers(&watcher.page().await).len();
    }
    first.kill();
    one.await.unwrap();
    other.await.unwrap();
    let mut found = texts(second.address).await;
    found.sort();
    assert_eq!(found, expected(&["a", "b"], 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_costs_no_event() {
    let Some(mut postgres) = Postgres::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let url = postgres.url();
    let server = ServerProcess::start(dir.path(), &["--storage", &url]);
    let pushing: Vec<_> = ["a", "b"].map(|name| tokio::spawn(insist(vec![server.address], name, 60))).into();
    let mut watcher = Client::connect(server.address, "s").await;
    watcher.pull(None).await;
    let mut seen = 0;
    while seen < 10 {
        seen += numbers(&watcher.page().await).len();
    }
    postgres.restart();
    for pushing in pushing {
        pushing.await.unwrap();
    }
    let mut found = texts(server.address).await;
    found.sort();
    assert_eq!(found, expected(&["a", "b"], 60));
}

/// Beside the servers, as somebody who may do everything.
async fn admin(postgres: &Postgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&postgres.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Kills the server's connection to the database that waits for this.
async fn kill_who_waits_for(admin: &tokio_postgres::Client, event: &str) {
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'livestore-server' AND wait_event = $1";
    tokio::time::timeout(LONG, async {
        while admin.query(kill, &[&event]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("somebody waits");
}

/// What a client does whose push was under way: it comes back, looks, and pushes what is not there.
async fn push_again(address: SocketAddr, number: u64, text: &str) {
    let before = texts(address).await;
    if before.len() as u64 == number - 1 {
        let mut client = Client::connect(address, "s").await;
        client.pull(None).await;
        let push = client.push(&[event(number, text)]).await;
        assert_eq!(client.exit(&push).await["_tag"], "Success");
    }
}

#[tokio::test]
async fn a_connection_that_is_killed_within_its_commit_costs_no_event() {
    let Some(postgres) = Postgres::start() else { return };
    let storage = PostgresStorage::connect(&postgres.url()).await.unwrap();
    let running = Running::start(Server::builder(Arc::new(storage)).build()).await;
    let admin = admin(&postgres).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    let push = client.push(&[event(1, "a")]).await;
    assert_eq!(client.exit(&push).await["_tag"], "Success");

    // A commit waits for a standby that never comes: it is on the disk, and nobody is told. And an append that waits for a lock
    // is not.
    for (number, is_stored, event_name) in [(2, true, "SyncRep"), (3, false, "relation")] {
        if is_stored {
            admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await.unwrap();
            admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        } else {
            admin.batch_execute("BEGIN; LOCK TABLE livestore_event IN SHARE MODE").await.unwrap();
        }
        let mut client = Client::connect(running.address, "s").await;
        client.pull(None).await;
        client.page().await;
        client.push(&[event(number, "x")]).await;
        kill_who_waits_for(&admin, event_name).await;
        assert_eq!(client.close_code().await, Some(1011), "it is not known whether it was stored");
        if is_stored {
            admin.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").await.unwrap();
            admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        } else {
            admin.batch_execute("ROLLBACK").await.unwrap();
        }
        assert_eq!(texts(running.address).await.len() as u64, if is_stored { number } else { number - 1 });
        push_again(running.address, number, "x").await;
        assert_eq!(texts(running.address).await.len() as u64, number, "once");
    }
    running.stop().await;
}
