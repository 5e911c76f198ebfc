use crate::address::Address;
use crate::builder::Times;
use crate::credentials::CredentialSource;
use crate::tls::Roots;
use crate::{SetupError, SyncClientBuilder, http_sync, websocket};
use livestore::{SyncConnection, SyncProvider, SyncTarget};
use livestore_sync_protocol::Transport;
use std::sync::Arc;
use std::task::Waker;

/// A client of the backend at this URL: `ws://` and `wss://` for a WebSocket, `http://` and `https://` for polling.
///
/// # Errors
/// See [`SetupError`]. Without TLS only a backend on the same machine is spoken to; [`SyncClient::builder`] has more to say.
///
/// ```
/// use livestore_sync_client::connect;
///
/// assert!(connect("ws://127.0.0.1:8787").is_ok());
/// let error = connect("ws://sync.example.com").unwrap_err();
/// assert!(error.to_string().starts_with("`sync.example.com` is not this machine: use wss://"));
/// ```
pub fn connect(url: &str) -> Result<SyncClient, SetupError> {
    SyncClient::builder(url).build()
}

/// What servers see.
pub(crate) const USER_AGENT: &str = concat!("livestore-rust/", env!("CARGO_PKG_VERSION"));

/// Connects stores to the backend at one URL. Clones share everything; one client serves any number of stores.
///
/// Its `Debug` shows where it connects to, and no secret.
#[derive(Clone, Debug)]
pub struct SyncClient(Arc<Setup>);

/// What all connections of a client share.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) address: Address,
    pub(crate) credentials: CredentialSource,
    pub(crate) roots: Roots,
    pub(crate) times: Times,
}

impl SyncClient {
    /// Begins to say how to reach the backend at this URL.
    pub fn builder(url: &str) -> SyncClientBuilder {
        SyncClientBuilder::new(url)
    }

    pub(crate) fn new(address: Address, credentials: CredentialSource, roots: Roots, times: Times) -> Self {
        Self(Arc::new(Setup { address, credentials, roots, times }))
    }
}

impl SyncProvider for SyncClient {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let (setup, store_id) = (Arc::clone(&self.0), target.store_id.as_str().to_owned());
        Box::new(match self.0.address.transport {
            Transport::WebSocket => websocket::begin(setup, store_id, wake),
            Transport::Http => http_sync::begin(setup, store_id, wake),
        })
    }
}
