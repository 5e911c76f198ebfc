//! The server: HTTP and WebSocket over the [hub](crate::hub).

mod accept;
mod counted;
mod health;
mod http;
mod request;
mod session;
mod websocket;

pub use accept::serve;

use crate::auth::{Gate, OriginRules};
use crate::hub::{Hub, HubOptions};
use crate::limits::{Connections, ServerLimits};
use crate::metrics::Measured;
use crate::storage::Storage;
use axum::Router;
use futures_util::FutureExt as _;
use livestore_sync_protocol::{Close, Limits, ServerOptions};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::watch;

/// A sync backend. Cheap to clone; all clones are one server.
///
/// ```no_run
/// use livestore_server::serve::{Server, serve};
/// use livestore_server::storage::{SqliteStorage, Synchronous};
/// use std::sync::Arc;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder(Arc::new(SqliteStorage::open("./data", Synchronous::Full)?)).build();
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8787").await?;
/// serve(listener, server, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hub: Hub,
    options: ServerOptions,
    limits: ServerLimits,
    connections: Connections,
    /// All sockets, those too of which nothing is known yet. Some more than connections, so that they hear why they are refused.
    sockets: Connections,
    origins: OriginRules,
    gate: Gate,
    end: watch::Sender<Option<Close>>,
    looked: health::Looked,
}

/// Sets a [`Server`] up.
#[derive(Debug)]
pub struct ServerBuilder {
    storage: Arc<dyn Storage>,
    hub: HubOptions,
    limits: ServerLimits,
    origins: OriginRules,
    gate: Option<Gate>,
}

impl Server {
    /// A server over a storage.
    #[must_use]
    pub fn builder(storage: Arc<dyn Storage>) -> ServerBuilder {
        ServerBuilder {
            storage,
            hub: HubOptions::default(),
            limits: ServerLimits::default(),
            origins: OriginRules::new([], false),
            gate: None,
        }
    }

    /// The server as a service, to be mounted in an application of your own: whatever the path, a request is told by its query.
    /// The peer's address has to be there as [`axum::extract::ConnectInfo`]; [`serve`] sees to it.
    pub fn router(&self) -> Router {
        Router::new().fallback(request::handle).with_state(self.clone())
    }

    /// Who is let in, for example to make every connection [ask again](Gate::recheck_all).
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.shared.gate
    }

    /// The stores that are open.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.len()
    }

    /// Ends all connections, with a reason. Clients come back when they can, to this server or the next.
    pub fn close(&self, close: Close) {
        self.shared.end.send_replace(Some(close));
    }
}

impl ServerBuilder {
    /// How stores are kept open.
    #[must_use]
    pub fn hub(mut self, options: HubOptions) -> Self {
        self.hub = options;
        self
    }

    /// What clients may cost.
    #[must_use]
    pub fn limits(mut self, limits: ServerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Which web pages may connect.
    #[must_use]
    pub fn origins(mut self, origins: OriginRules) -> Self {
        self.origins = origins;
        self
    }

    /// Who is let in. Without one everybody is, and the server should listen on the loopback only.
    #[must_use]
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// The server. Has to be called within a tokio runtime.
    #[must_use]
    pub fn build(self) -> Server {
        let limits = self.limits;
        let decode = Limits { frame_bytes: limits.frame_bytes_max, ..Limits::default() };
        let options =
            ServerOptions { limits: decode, pulls_max: limits.live_pulls_max + 1, ..ServerOptions::default() };
        let shared = Shared {
            hub: Hub::new(
                Arc::new(Measured(self.storage)),
                HubOptions { pace: limits.store_pace, events_max: limits.store_events_max, ..self.hub },
            ),
            options,
            connections: Connections::new(&limits),
            sockets: Connections::new(&with_room(&limits)),
            gate: self.gate.unwrap_or_else(|| Gate::without_auth(&limits)),
            limits,
            origins: self.origins,
            end: watch::Sender::new(None),
            looked: health::Looked::default(),
        };
        Server { shared: Arc::new(shared) }
    }
}

/// So many sockets more than connections may be open, one address among them and all.
const ROOM: (usize, usize) = (64, 256);

fn with_room(limits: &ServerLimits) -> ServerLimits {
    ServerLimits {
        connections_per_address_max: limits.connections_per_address_max.saturating_add(ROOM.0),
        connections_max: limits.connections_max.saturating_add(ROOM.1),
        ..limits.clone()
    }
}

/// Does work that may panic: that ends this work and says so, and nothing else.
async fn guarded(what: &str, work: impl Future<Output = ()>) {
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        tracing::error!("{what} ended in a panic");
    }
}
