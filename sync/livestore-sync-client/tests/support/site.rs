use livestore_sync_client::{SyncClient, SyncClientBuilder, Transport};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The token that lets in.
pub(crate) const TOKEN: &str = "good-token";

/// A running server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) port: u16,
    /// Whether it is this project's: it keeps event ids and commit groups, and reads the token from the header.
    pub(crate) is_own: bool,
}

impl Site {
    /// A client that comes through a port, with a token.
    pub(crate) fn builder(&self, port: u16, transport: Transport) -> SyncClientBuilder {
        let scheme = match transport {
            Transport::WebSocket => "ws",
            Transport::Http => "http",
        };
        let builder = SyncClient::builder(&format!("{scheme}://127.0.0.1:{port}"));
        let builder = builder.poll_interval(Duration::from_millis(50));
        if self.is_own { builder } else { builder.token_in_payload() }
    }

    pub(crate) fn client(&self, port: u16, transport: Transport) -> SyncClient {
        self.builder(port, transport).token(TOKEN).build().unwrap()
    }

    /// A store that nobody has, for which a token is wanted.
    pub(crate) fn new_store(&self, name: &str) -> String {
        static STORES: AtomicU32 = AtomicU32::new(0);
        format!("auth-{}-{}-{name}", std::process::id(), STORES.fetch_add(1, Ordering::Relaxed))
    }
}
