//! Hears of what other servers stored.

use super::link::tls;
use futures_util::future::poll_fn;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Config};

/// The wait before the next attempt to listen.
const RETRY: Duration = Duration::from_secs(1);
/// A payload has to be shorter than 8,000 bytes (PostgreSQL's documentation of NOTIFY).
const PAYLOAD_MAX: usize = 7_000;

/// What is announced for a store: its id. One that is too long is left to the look at the head now and then.
pub(super) fn payload(store_id: &str) -> &str {
    if store_id.len() > PAYLOAD_MAX { "" } else { store_id }
}

/// The task that listens; it ends with the storage.
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn start(config: Config) -> (Self, UnboundedReceiver<Box<str>>) {
        let (sender, receiver) = unbounded_channel();
        (Self(tokio::spawn(run(config, sender))), receiver)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(config: Config, hints: UnboundedSender<Box<str>>) {
    while !hints.is_closed() {
        if let Err(error) = listen(&config, &hints).await {
            tracing::debug!(error, "not listening for hints of other servers");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen(config: &Config, hints: &UnboundedSender<Box<str>>) -> Result<(), String> {
    let tls = tls().map_err(|error| error.to_string())?;
    let (client, mut connection) = config.connect(tls).await.map_err(|error| error.to_string())?;
    // The connection is driven here, so the statement has to be sent from beside it.
    let listening = tokio::spawn(async move {
        let result = client.batch_execute("LISTEN livestore").await;
        (client, result)
    });
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(hint) = message.map_err(|error| error.to_string())?
            && hints.send(hint.payload().into()).is_err()
        {
            break;
        }
    }
    listening.abort();
    Err("the connection ended".into())
}
