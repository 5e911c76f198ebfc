use super::Site;
use super::proxy::Proxy;
use super::site::TOKEN;
use livestore::{StoreId, SyncConnection, SyncProvider, SyncTarget};
use livestore_conformance::sync::{Door, Subject};
use livestore_sync_client::{SyncClient, Transport};
use std::sync::Mutex;
use std::task::Waker;

/// The client against a server, for the suite of the library. Each backend of the suite is a set of stores of one server.
pub(crate) struct Conformance {
    pub(crate) site: Site,
    pub(crate) transport: Transport,
}

pub(crate) struct Backend {
    proxy: Proxy,
    stores: Mutex<String>,
    is_let_in: Mutex<bool>,
}

/// Gives the suite's stores names of their own.
pub(crate) struct Renamed {
    client: SyncClient,
    stores: String,
}

impl SyncProvider for Renamed {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let store_id = StoreId::new(format!("{}-{}", self.stores, target.store_id)).unwrap();
        self.client.connect(&SyncTarget::new(store_id, target.client_id.as_str()), wake)
    }
}

impl Subject for Conformance {
    type Provider = Renamed;
    type Backend = Backend;

    fn backend(&self) -> Backend {
        let stores = Mutex::new(self.site.new_store("suite"));
        Backend { proxy: Proxy::to(self.site.port), stores, is_let_in: Mutex::new(true) }
    }

    fn provider(&self, backend: &Backend) -> Renamed {
        let token = if *backend.is_let_in.lock().unwrap() { TOKEN } else { "bad-token" };
        let client = self.site.builder(backend.proxy.port, self.transport).token(token).build().unwrap();
        Renamed { client, stores: backend.stores.lock().unwrap().clone() }
    }

    fn keeps_identity(&self) -> bool {
        self.site.is_own
    }

    fn disconnect(&self, backend: &Backend) -> bool {
        backend.proxy.cut();
        // Over HTTP nothing stands that could be cut.
        self.transport == Transport::WebSocket
    }

    fn set_door(&self, backend: &Backend, door: Door) -> bool {
        backend.proxy.set_closed(door == Door::Offline);
        *backend.is_let_in.lock().unwrap() = door != Door::Unauthorized;
        true
    }

    fn replace_backend(&self, backend: &Backend) -> bool {
        *backend.stores.lock().unwrap() = self.site.new_store("suite");
        true
    }
}
