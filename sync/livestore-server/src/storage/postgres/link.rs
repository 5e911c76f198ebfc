//! Connections to the database, made when they are needed.

use super::schema::Statements;
use crate::storage::StorageError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// So many connections, shared by all: each takes statements one behind the other without waiting for answers.
const LINKS: usize = 4;
/// Longer than this a database does not take to answer a greeting.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Longer than this it does not take to answer a statement: whoever waits for it has others waiting.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long a connection may be silent before the other end is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

pub(super) struct Link {
    pub(super) client: Arc<Client>,
    pub(super) statements: Statements,
    /// A statement got no answer.
    is_mute: AtomicBool,
}

impl Link {
    /// Waits for the answer to a statement. A connection that gives none is not used again.
    pub(super) async fn answer<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
        failed: impl FnOnce(tokio_postgres::Error) -> StorageError,
        late: impl FnOnce(String) -> StorageError,
    ) -> Result<T, StorageError> {
        match tokio::time::timeout(ANSWER_MAX, asking).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => {
                self.is_mute.store(true, Ordering::Relaxed);
                Err(late(format!("the database did not answer within {ANSWER_MAX:?}")))
            }
        }
    }

    /// For a statement that changes nothing, or what may be changed again.
    pub(super) async fn asked<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StorageError> {
        self.answer(asking, unavailable, |reason| StorageError::Unavailable { reason }).await
    }

    fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.is_mute.load(Ordering::Relaxed)
    }
}

pub(super) struct Links {
    config: Config,
    links: [Mutex<Option<Arc<Link>>>; LINKS],
    next: AtomicUsize,
}

impl Links {
    pub(super) fn new(mut config: Config) -> Self {
        config.keepalives_idle(KEEP_ALIVE).tcp_user_timeout(ANSWER_MAX);
        Self { config, links: Default::default(), next: AtomicUsize::new(0) }
    }

    /// A connection that stands, as far as one can tell.
    pub(super) async fn get(&self) -> Result<Arc<Link>, StorageError> {
        let mut link = self.links[self.next.fetch_add(1, Ordering::Relaxed) % LINKS].lock().await;
        if let Some(link) = link.as_ref().filter(|link| link.is_usable()) {
            return Ok(Arc::clone(link));
        }
        let client = connect(&self.config).await?;
        let prepared = tokio::time::timeout(ANSWER_MAX, Statements::prepare(&client)).await;
        let prepared = prepared.map_err(|_| StorageError::unavailable("the database does not answer"))?;
        let statements = prepared.map_err(unavailable)?;
        let made = Arc::new(Link { client: Arc::new(client), statements, is_mute: AtomicBool::new(false) });
        *link = Some(Arc::clone(&made));
        Ok(made)
    }

    /// A connection of its own, for what takes a transaction of several statements.
    pub(super) async fn alone(&self) -> Result<Box<Client>, StorageError> {
        connect(&self.config).await.map(Box::new)
    }
}

async fn connect(config: &Config) -> Result<Client, StorageError> {
    let connecting = config.connect(tls()?);
    let connected = tokio::time::timeout(CONNECT_MAX, connecting).await;
    let (client, connection) =
        connected.map_err(|_| StorageError::unavailable("the database does not answer"))?.map_err(unavailable)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a connection to the database ended");
        }
    });
    Ok(client)
}

/// TLS against the usual authorities, for addresses that ask for it.
pub(super) fn tls() -> Result<MakeRustlsConnect, StorageError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(StorageError::unavailable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// An error of a statement that changes nothing, or that changes what may be changed again.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn unavailable(error: tokio_postgres::Error) -> StorageError {
    StorageError::unavailable(full(&error))
}

/// An error of an append: only when the database itself answered with a refusal is it known that nothing was stored.
pub(super) fn outcome(error: tokio_postgres::Error) -> StorageError {
    // Classes 08 (connection) and 57P (the server goes down), and 40003, leave it open.
    let is_known = error.as_db_error().is_some_and(|refusal| {
        let code = refusal.code().code();
        !code.starts_with("08") && !code.starts_with("57P") && code != "40003"
    });
    if is_known { unavailable(error) } else { StorageError::Unknown { reason: full(&error) } }
}

/// The library's own text leaves out what the database said.
fn full(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
