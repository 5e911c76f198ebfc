//! Clients that read slowly, or not at all.

use crate::faulty::sqlite;
use crate::support::rng::amount;
use crate::support::server::{Client, Running, event, numbers};
use livestore_server::limits::ServerLimits;
use livestore_server::serve::Server;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn who_acknowledges_and_does_not_read_is_cut_off_and_catches_up() {
    // More than the buffers of a loopback connection hold.
    let events = amount("SLOW_EVENTS", 60, 40);
    let dir = tempfile::tempdir().unwrap();
    let limits = ServerLimits { stalled_max: Duration::from_millis(300), ..ServerLimits::default() };
    let server = Server::builder(sqlite(dir.path())).limits(limits).build();
    let running = Running::start(server.clone()).await;
    let mut writer = Client::connect(running.address, "s").await;
    writer.pull(None).await;
    writer.page().await;
    let text = "x".repeat(800_000);
    for number in 1..=events {
        let push = writer.push(&[event(number, &text)]).await;
        assert_eq!(writer.exit(&push).await["_tag"], "Success");
    }
    let mut slow = Client::connect(running.address, "s").await;
    assert_eq!(server.connections(), 2);
    let pull = slow.pull(None).await;
    // More than any network holds, asked for blindly.
    let ack = json!({"_tag": "Ack", "requestId": pull});
    while server.connections() > 1 {
        if slow.try_send(&ack).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
        // The writer is served as before.
        assert!(writer.is_answered().await);
    }
    drop(slow);
    let mut again = Client::connect(running.address, "s").await;
    again.pull(None).await;
    let mut seen = Vec::new();
    while seen.len() < events as usize {
        seen.extend(numbers(&again.page().await));
    }
    assert_eq!(seen, (1..=events).collect::<Vec<_>>(), "it missed nothing");
    running.stop().await;
}
