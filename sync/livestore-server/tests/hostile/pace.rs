//! Who sends too much, too fast, or nothing at all.

use crate::faulty::sqlite;
use crate::support::server::{Client, LONG, Running, event};
use livestore_server::limits::{Pace, ServerLimits};
use livestore_server::serve::Server;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

async fn with_limits(dir: &Path, limits: ServerLimits) -> Running {
    Running::start(Server::builder(sqlite(dir)).limits(limits).build()).await
}

#[tokio::test]
async fn who_pushes_too_fast_waits_and_is_answered_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let connection_pace = Pace { events_per_second: 20, burst: 10 };
    let running = with_limits(dir.path(), ServerLimits { connection_pace, ..ServerLimits::default() }).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    client.page().await;
    let events: Vec<_> = (1..=30).map(|number| event(number, "a")).collect();
    let push = client.push(&events).await;
    assert_eq!(client.exit(&push).await["_tag"], "Success");
    let push = client.push(&[event(31, "b")]).await;
    client.send(&json!({"_tag": "Ping"})).await;
    loop {
        let frame = client.receive().await.expect("the connection stands");
        assert_ne!(frame["requestId"], push.as_str(), "the push waits, the ping does not");
        match frame["_tag"].as_str() {
            Some("Pong") => break,
            Some("Chunk") => client.send(&json!({"_tag": "Ack", "requestId": frame["requestId"]})).await,
            _ => {}
        }
    }
    assert_eq!(client.exit(&push).await["_tag"], "Success", "it is not refused");
    running.stop().await;
}

#[tokio::test]
async fn a_store_has_its_limit_of_events() {
    let dir = tempfile::tempdir().unwrap();
    let running = with_limits(dir.path(), ServerLimits { store_events_max: Some(3), ..ServerLimits::default() }).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    client.page().await;
    let pushes = [(vec![1, 2], "Success"), (vec![3, 4], "Failure"), (vec![3], "Success"), (vec![4], "Failure")];
    for (batch, outcome) in pushes {
        let events: Vec<_> = batch.iter().map(|number| event(*number, "a")).collect();
        let push = client.push(&events).await;
        assert_eq!(client.exit(&push).await["_tag"], outcome, "{batch:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_silent_client_is_asked_whether_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let ping_after = Duration::from_millis(100);
    let running = with_limits(dir.path(), ServerLimits { ping_after, ..ServerLimits::default() }).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    client.page().await;
    for _ in 0..4 {
        // Answered by the library, as every WebSocket does.
        while !matches!(client.message().await.expect("it stays connected"), Message::Ping(_)) {}
    }
    let push = client.push(&[event(1, "a")]).await;
    assert_eq!(client.exit(&push).await["_tag"], "Success");
    running.stop().await;
}

#[tokio::test]
async fn sockets_that_say_nothing_are_few() {
    let dir = tempfile::tempdir().unwrap();
    let limits = ServerLimits { connections_per_address_max: 1, ..ServerLimits::default() };
    let running = with_limits(dir.path(), limits).await;
    let mut sockets = Vec::new();
    // As many as may, and the room beside them.
    for _ in 0..1 + 64 {
        sockets.push(TcpStream::connect(running.address).await.unwrap());
    }
    let mut one_more = TcpStream::connect(running.address).await.unwrap();
    let end = tokio::time::timeout(LONG, one_more.read(&mut [0])).await.expect("it is ended at once");
    assert!(matches!(end, Ok(0) | Err(_)), "nothing is said to it");
    drop(sockets);
    let mut connected = Client::try_connect(running.address, "s", &[]).await;
    while connected.is_err() {
        // The server has to see yet that they are gone.
        connected = Client::try_connect(running.address, "s", &[]).await;
    }
    running.stop().await;
}
