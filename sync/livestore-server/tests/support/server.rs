//! A server on a port of its own, and a client that speaks in bare frames.

use futures_util::{SinkExt as _, StreamExt as _};
use livestore_server::serve::{Server, serve};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than any answer should take.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, server, async { drop(stopped.await) }));
        Self { address, stop: Some(stop), task }
    }

    /// Shuts it down in order.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        tokio::time::timeout(LONG, self.task).await.expect("the server stops").unwrap();
    }
}

/// A WebSocket client without any manners of its own.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    store_id: String,
    next_id: u64,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, store_id: &str) -> Self {
        Self::try_connect(address, store_id, &[]).await.expect("the handshake works")
    }

    pub(crate) async fn try_connect(
        address: SocketAddr,
        store_id: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let url = format!("ws://{address}/?storeId={store_id}&transport=ws");
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Self { socket, store_id: store_id.to_owned(), next_id: 0 })
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame; `None` when the connection ended.
    pub(crate) async fn receive(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(LONG, self.socket.next()).await.expect("a frame comes in time");
            match message {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message, whatever it is; `None` when the connection ended.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        tokio::time::timeout(LONG, self.socket.next()).await.expect("a message comes in time")?.ok()
    }

    /// The next frame, byte for byte.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.message().await.expect("the connection stands") {
                Message::Text(text) => return text.to_string(),
                Message::Close(frame) => panic!("it is closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Reads to the end: the code of the close frame, where one came.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.message().await {
                Some(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// Bytes below the frames.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.socket.get_mut().write_all(bytes).await
    }

    /// The frames that come, up to the answer to a ping; whether the connection stands.
    pub(crate) async fn is_answered(&mut self) -> bool {
        if self.send_message(Message::text(r#"{"_tag":"Ping"}"#)).await.is_err() {
            return false;
        }
        loop {
            match self.message().await {
                Some(Message::Text(text)) if text.contains("Pong") => return true,
                Some(Message::Close(_)) | None => return false,
                Some(_) => {}
            }
        }
    }

    pub(crate) async fn send_message(&mut self, message: Message) -> Result<(), tungstenite::Error> {
        self.socket.send(message).await
    }

    pub(crate) async fn try_send(&mut self, frame: &Value) -> Result<(), tungstenite::Error> {
        self.send_message(Message::text(frame.to_string())).await
    }

    pub(crate) async fn request(&mut self, method: &str, payload: Value) -> String {
        self.try_request(method, payload).await.unwrap()
    }

    pub(crate) async fn try_request(&mut self, method: &str, mut payload: Value) -> Result<String, tungstenite::Error> {
        let id = self.next_id.to_string();
        self.next_id += 1;
        payload["storeId"] = json!(self.store_id);
        let tag = format!("SyncWsRpc.{method}");
        self.try_send(&json!({"_tag": "Request", "id": id, "tag": tag, "payload": payload, "headers": []})).await?;
        Ok(id)
    }

    pub(crate) async fn try_push(&mut self, events: &[Value]) -> Result<String, tungstenite::Error> {
        self.try_request("Push", json!({"batch": events, "backendId": {"_tag": "None"}})).await
    }

    /// Begins a live pull after a number of a backend's log.
    pub(crate) async fn pull(&mut self, cursor: Option<(&str, u64)>) -> String {
        let cursor = match cursor {
            None => json!({"_tag": "None"}),
            Some((backend_id, number)) => {
                json!({"_tag": "Some", "value": {"backendId": backend_id, "eventSequenceNumber": number}})
            }
        };
        self.request("Pull", json!({"live": true, "cursor": cursor})).await
    }

    pub(crate) async fn push(&mut self, events: &[Value]) -> String {
        self.request("Push", json!({"batch": events, "backendId": {"_tag": "None"}})).await
    }

    /// The next page of a pull, acknowledged: its response.
    pub(crate) async fn page(&mut self) -> Value {
        loop {
            let frame = self.receive().await.expect("the connection stands");
            if frame["_tag"] == "Chunk" {
                self.send(&json!({"_tag": "Ack", "requestId": frame["requestId"]})).await;
                return frame["values"][0].clone();
            }
        }
    }

    /// The end of a request; pages that come before are acknowledged and dropped.
    pub(crate) async fn exit(&mut self, id: &str) -> Value {
        loop {
            let frame = self.receive().await.expect("the connection stands");
            match frame["_tag"].as_str() {
                Some("Exit") if frame["requestId"] == id => return frame["exit"].clone(),
                Some("Chunk") => self.send(&json!({"_tag": "Ack", "requestId": frame["requestId"]})).await,
                _ => {}
            }
        }
    }
}

/// An event as a TypeScript client pushes it.
pub(crate) fn event(number: u64, text: &str) -> Value {
    json!({
        "name": "v1.Noted", "args": {"text": text}, "seqNum": number, "parentSeqNum": number - 1,
        "clientId": "client", "sessionId": "session",
    })
}

/// The numbers of a page's events.
pub(crate) fn numbers(page: &Value) -> Vec<u64> {
    let batch = page["batch"].as_array().unwrap();
    batch.iter().map(|item| item["eventEncoded"]["seqNum"].as_u64().unwrap()).collect()
}
