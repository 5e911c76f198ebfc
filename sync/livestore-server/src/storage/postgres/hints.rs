//! Tells other servers what was stored, and hears what they stored.

use super::link::{Link, tls};
use futures_util::future::poll_fn;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Config};

/// The wait before the next attempt to listen.
const RETRY: Duration = Duration::from_secs(1);
/// A payload has to be shorter than 8,000 bytes (PostgreSQL's documentation of NOTIFY).
const PAYLOAD_MAX: usize = 7_000;

/// The wait between two announcements: what is stored meanwhile is announced together, each store once.
const PAUSE: Duration = Duration::from_millis(10);

/// Tells the other servers.
#[derive(Clone)]
pub(super) struct Announcer {
    /// Names this server in what it announces, as the database tells it to all who listen.
    origin: Arc<str>,
    pending: Arc<Mutex<Pending>>,
}

#[derive(Default)]
struct Pending {
    stores: BTreeSet<Box<str>>,
    /// Somebody announces them.
    is_under_way: bool,
}

impl Announcer {
    pub(super) fn new() -> Self {
        Self { origin: nanoid::nanoid!(8).into(), pending: Arc::default() }
    }

    /// After the commit and without waiting: a hint, which their look at the head now and then backs up.
    pub(super) fn announce(&self, link: &Link, store_id: &str) {
        // One that is too long is left to that look.
        if store_id.len() > PAYLOAD_MAX {
            return;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.stores.insert(store_id.into());
        if std::mem::replace(&mut pending.is_under_way, true) {
            return;
        }
        let (client, statement, announcer) = (link.client.clone(), link.statements.notify.clone(), self.clone());
        tokio::spawn(async move {
            while let Some(payloads) = announcer.take() {
                if let Err(error) = client.execute(&statement, &[&payloads]).await {
                    tracing::debug!(%error, "a hint to the other servers was not sent");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// What is to be announced; after nothing, the next one who stores begins anew.
    fn take(&self) -> Option<Vec<String>> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.is_under_way = !pending.stores.is_empty();
        let stores = std::mem::take(&mut pending.stores);
        pending.is_under_way.then(|| stores.iter().map(|store_id| format!("{}:{store_id}", self.origin)).collect())
    }

    /// The store that a payload tells of, where another server announced it.
    fn heard<'a>(&self, payload: &'a str) -> Option<&'a str> {
        let (origin, store_id) = payload.split_once(':')?;
        (*origin != *self.origin).then_some(store_id)
    }
}

/// The task that listens; it ends with the storage.
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn start(config: Config, announcer: Announcer) -> (Self, UnboundedReceiver<Box<str>>) {
        let (sender, receiver) = unbounded_channel();
        (Self(tokio::spawn(run(config, announcer, sender))), receiver)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(config: Config, announcer: Announcer, hints: UnboundedSender<Box<str>>) {
    while !hints.is_closed() {
        if let Err(error) = listen(&config, &announcer, &hints).await {
            tracing::debug!(error, "not listening for hints of other servers");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen(config: &Config, announcer: &Announcer, hints: &UnboundedSender<Box<str>>) -> Result<(), String> {
    let tls = tls().map_err(|error| error.to_string())?;
    let (client, mut connection) = config.connect(tls).await.map_err(|error| error.to_string())?;
    // The connection is driven here, so the statement has to be sent from beside it.
    let listening = tokio::spawn(async move {
        let result = client.batch_execute("LISTEN livestore").await;
        (client, result)
    });
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(hint) = message.map_err(|error| error.to_string())?
            && let Some(store_id) = announcer.heard(hint.payload())
            && hints.send(store_id.into()).is_err()
        {
            break;
        }
    }
    listening.abort();
    Err("the connection ended".into())
}
