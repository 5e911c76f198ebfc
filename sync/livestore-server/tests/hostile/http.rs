//! Requests over HTTP that end badly.

use crate::faulty::{Asked, Faulty, sqlite};
use crate::support::server::{LONG, Running, event};
use livestore_server::serve::Server;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

async fn post(address: SocketAddr, method: &str, mut payload: Value) -> TcpStream {
    payload["storeId"] = json!("s");
    let tag = format!("SyncHttpRpc.{method}");
    let body = json!({"_tag": "Request", "id": "0", "tag": tag, "payload": payload, "headers": []}).to_string();
    let head = format!(
        "POST /?storeId=s&transport=http HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

async fn response(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // Broken off is as good as ended.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut text)).await.expect("it ends");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn an_answer_that_cannot_be_finished_does_not_look_finished() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(Server::builder(sqlite(dir.path())).build()).await;
    let batch = json!({"batch": [event(1, "a")], "backendId": {"_tag": "None"}});
    let pushed = response(post(running.address, "Push", batch).await).await;
    assert!(pushed.contains("Success") && pushed.ends_with("0\r\n\r\n"), "{pushed}");
    running.stop().await;

    let storage = Faulty::new(sqlite(dir.path()), |asked| {
        let panics = matches!(asked, Asked::Read);
        async move {
            assert!(!panics, "the storage has a defect");
            Ok(())
        }
    });
    let running = Running::start(Server::builder(storage).build()).await;
    let pulled = response(post(running.address, "Pull", json!({"cursor": {"_tag": "None"}})).await).await;
    assert!(!pulled.ends_with("0\r\n\r\n"), "{pulled}");
    running.stop().await;
}

#[tokio::test]
async fn a_request_counts_until_it_is_done_and_a_push_outlives_its_client() {
    let dir = tempfile::tempdir().unwrap();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, may_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let storage = Faulty::new(sqlite(dir.path()), move |asked| {
        let waits = matches!(asked, Asked::Append);
        let (begun, go_on) = (Arc::clone(&has_begun), Arc::clone(&may_go_on));
        async move {
            if waits {
                begun.notify_one();
                go_on.notified().await;
            }
            Ok(())
        }
    });
    let server = Server::builder(storage).build();
    let running = Running::start(server.clone()).await;
    let stream = post(running.address, "Push", json!({"batch": [event(1, "a")], "backendId": {"_tag": "None"}})).await;
    begun.notified().await;
    assert_eq!(server.connections(), 1, "a push that is under way has its place");
    drop(stream);
    go_on.notify_one();
    tokio::time::timeout(LONG, async {
        while server.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("its place is given back");
    let pulled = response(post(running.address, "Pull", json!({"cursor": {"_tag": "None"}})).await).await;
    assert!(pulled.contains(r#""seqNum":1"#), "it is in the log: {pulled}");
    running.stop().await;
}
