//! Who may not read a store learns nothing of it: one that is there and one that never was are answered alike, byte for byte.

use crate::faulty::{Faulty, sqlite};
use crate::support::server::{Client, LONG, Running, event};
use livestore_server::auth::{Gate, TokenFile};
use livestore_server::limits::ServerLimits;
use livestore_server::serve::Server;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One that is there and holds events, and one that nobody ever made; their names are equally long.
const STORES: [&str; 2] = ["other-1", "never-1"];

struct World {
    running: Running,
    /// How often the storage was asked for anything.
    asked: Arc<AtomicUsize>,
    _dir: tempfile::TempDir,
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "owner-token other-* write owner\nteam-token team-* write team\nread-token * read\n")
        .unwrap();
    let gate = Gate::new(Arc::new(TokenFile::open(&tokens).unwrap()), &ServerLimits::default());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let storage = Faulty::new(sqlite(&dir.path().join("data")), move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok(()) }
    });
    let running = Running::start(Server::builder(storage).gate(gate).build()).await;
    let mut owner = connect(running.address, STORES[0], "owner-token").await;
    owner.pull(None).await;
    let push = owner.push(&[event(1, "a"), event(2, "b")]).await;
    assert_eq!(owner.exit(&push).await["_tag"], "Success");
    World { running, asked, _dir: dir }
}

async fn connect(address: SocketAddr, store: &str, token: &str) -> Client {
    let bearer = format!("Bearer {token}");
    Client::try_connect(address, store, &[("authorization", &bearer)]).await.expect("it is let in")
}

/// All that comes back, byte for byte, but for the time and the connection's own name.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    tokio::time::timeout(LONG, stream.read_to_string(&mut response)).await.expect("it ends").unwrap();
    let is_own = |line: &&str| !["date:", "x-connection-id:"].iter().any(|name| line.starts_with(name));
    response.split_inclusive("\r\n").filter(is_own).collect()
}

fn upgrade(store: &str, token: Option<&str>) -> String {
    let bearer = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    format!(
        "GET /?storeId={store}&transport=ws HTTP/1.1\r\nhost: localhost\r\n{bearer}connection: upgrade, close\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

fn post(url_store: &str, store: &str, method: &str, token: Option<&str>) -> String {
    let mut payload = payload(method);
    payload["storeId"] = json!(store);
    let tag = format!("SyncHttpRpc.{method}");
    let body = json!({"_tag": "Request", "id": "0", "tag": tag, "payload": payload, "headers": []}).to_string();
    let bearer = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    format!(
        "POST /?storeId={url_store}&transport=http HTTP/1.1\r\nhost: localhost\r\n{bearer}connection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn payload(method: &str) -> Value {
    match method {
        "Pull" => json!({"cursor": {"_tag": "None"}}),
        "Push" => json!({"batch": [event(1, "x")], "backendId": {"_tag": "None"}}),
        _ => json!({}),
    }
}

const METHODS: [&str; 3] = ["Pull", "Push", "Ping"];
const TOKENS: [Option<&str>; 3] = [Some("team-token"), Some("forged-token"), None];

#[tokio::test]
async fn who_is_not_let_in_cannot_tell_whether_a_store_is_there() {
    let world = world().await;
    let (address, before) = (world.running.address, world.asked.load(Ordering::Relaxed));
    for token in TOKENS {
        let status = if token == Some("team-token") { "HTTP/1.1 403" } else { "HTTP/1.1 401" };
        let there = raw(address, &upgrade(STORES[0], token)).await;
        assert!(there.starts_with(status), "{token:?}: {there}");
        assert_eq!(there, raw(address, &upgrade(STORES[1], token)).await, "{token:?}");
        for method in METHODS {
            let there = raw(address, &post(STORES[0], STORES[0], method, token)).await;
            assert!(there.starts_with(status), "{method} with {token:?}: {there}");
            assert_eq!(
                there,
                raw(address, &post(STORES[1], STORES[1], method, token)).await,
                "{method} with {token:?}"
            );
        }
    }
    assert_eq!(world.asked.load(Ordering::Relaxed), before, "the storage was asked for a store that is not theirs");
    world.running.stop().await;
}

#[tokio::test]
async fn a_connection_to_one_store_learns_nothing_of_others() {
    let world = world().await;
    let address = world.running.address;
    for method in METHODS {
        let answers = [
            raw(address, &post("team-1", STORES[0], method, Some("team-token"))).await,
            raw(address, &post("team-1", STORES[1], method, Some("team-token"))).await,
        ];
        assert_eq!(answers[0], answers[1], "{method}");
        assert!(answers[0].contains("Failure"), "{method}: {}", answers[0]);
    }
    // Frames, but for the ids of their requests.
    let mut client = connect(address, "team-1", "team-token").await;
    client.pull(None).await;
    client.page().await;
    let before = world.asked.load(Ordering::Relaxed);
    for method in ["Pull", "Push"] {
        let mut answers = Vec::new();
        for (store, id) in STORES.iter().zip(["70", "71"]) {
            let mut payload = payload(method);
            payload["storeId"] = json!(store);
            let tag = format!("SyncWsRpc.{method}");
            client.send(&json!({"_tag": "Request", "id": id, "tag": tag, "payload": payload, "headers": []})).await;
            let answer = client.text().await;
            assert!(answer.contains("Failure"), "{method} on {store}: {answer}");
            answers.push(answer.replace(&format!("\"{id}\""), "\"?\""));
        }
        assert_eq!(answers[0], answers[1], "{method}");
    }
    assert_eq!(world.asked.load(Ordering::Relaxed), before, "the storage was asked for another store");
    world.running.stop().await;
}

#[tokio::test]
async fn who_may_only_read_is_refused_alike_everywhere() {
    let world = world().await;
    let address = world.running.address;
    let mut answers = Vec::new();
    for store in STORES {
        let mut client = connect(address, store, "read-token").await;
        let id = client.push(&[event(1, "x")]).await;
        answers.push((id, client.text().await));
    }
    assert!(answers[0].1.contains("Failure"), "{answers:?}");
    assert_eq!(answers[0], answers[1]);
    let [there, never] = STORES.map(|store| post(store, store, "Push", Some("read-token")));
    assert_eq!(raw(address, &there).await, raw(address, &never).await);
    world.running.stop().await;
}
