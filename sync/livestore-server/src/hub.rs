//! The stores that are open in this process, each with the task that owns its log.

mod pages;
mod store;
mod task;

pub use pages::SharedPage;
pub use store::{Follow, Follower, Handed, OpenStore, Page, PushError, Seat};

use crate::limits::{Pace, ServerLimits};
use crate::storage::{Storage, StorageError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How stores are kept open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubOptions {
    /// How many bytes of a log's end are kept in memory, for those who follow it.
    pub recent_bytes: usize,
    /// Pushes that wait for one store; who comes later is read later.
    pub pushes_max: usize,
    /// How long a store stays open that nobody is connected to.
    pub linger: Duration,
    /// How often the head of a log is looked at that other servers may append to.
    pub poll: Duration,
    /// How fast all connections together may push to one store.
    pub pace: Pace,
    /// How many events a store may have.
    pub events_max: Option<u64>,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            recent_bytes: 4 << 20,
            pushes_max: 64,
            linger: Duration::from_secs(60),
            // DESIGN: at most a second, because hints may be lost.
            poll: Duration::from_secs(1),
            pace: ServerLimits::default().store_pace,
            events_max: ServerLimits::default().store_events_max,
        }
    }
}

/// Opens stores, each once.
#[derive(Clone, Debug)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    storage: Arc<dyn Storage>,
    options: HubOptions,
    stores: Mutex<HashMap<Box<str>, Arc<OpenStore>>>,
}

impl Hub {
    /// A hub over a storage. Has to be called within a tokio runtime.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, options: HubOptions) -> Self {
        let hints = storage.hints();
        let shared = Arc::new(Shared { storage, options, stores: Mutex::default() });
        if let Some(mut hints) = hints {
            let weak = Arc::downgrade(&shared);
            tokio::spawn(async move {
                while let Some(store_id) = hints.recv().await {
                    let Some(shared) = weak.upgrade() else { return };
                    shared.hint(&store_id);
                }
            });
        }
        Self { shared }
    }

    /// The open store; opened, and its log made, where it is not yet.
    ///
    /// # Errors
    ///
    /// The storage cannot load or make the log now.
    pub async fn open(&self, store_id: &str) -> Result<Arc<OpenStore>, StorageError> {
        let store = self.shared.get(store_id);
        store.loaded().await?;
        Ok(store)
    }

    /// The storage below.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.shared.storage
    }

    /// How many stores are open.
    #[must_use]
    pub fn open_stores(&self) -> usize {
        self.shared.stores().len()
    }
}

impl Shared {
    fn stores(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Arc<OpenStore>>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under one lock, so that a store never has two owners.
    fn get(self: &Arc<Self>, store_id: &str) -> Arc<OpenStore> {
        let mut stores = self.stores();
        // One whose owner panicked begins again.
        if let Some(store) = stores.get(store_id).filter(|store| !store.is_closed()) {
            return Arc::clone(store);
        }
        let store = task::start(self, store_id);
        stores.insert(store_id.into(), Arc::clone(&store));
        store
    }

    /// Forgets a store that nobody is connected to; whether it did.
    fn forget(&self, store_id: &str) -> bool {
        let mut stores = self.stores();
        // One is held here, and whoever takes another does so under the same lock.
        let is_alone = stores.get(store_id).is_none_or(|store| Arc::strong_count(store) == 1);
        if is_alone {
            stores.remove(store_id);
        }
        is_alone
    }

    fn hint(&self, store_id: &str) {
        if let Some(store) = self.stores().get(store_id) {
            store.hint();
        }
    }
}
