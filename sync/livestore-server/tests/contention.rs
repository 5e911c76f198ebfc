//! Many clients push to one store at once: all but one are behind, and hear so without the storage being asked.

use livestore_server::hub::{Hub, HubOptions};
use livestore_server::log::{Push, Verdict};
use livestore_server::storage::{
    Appended, Entry, LogState, Nonce, ReadMax, SqliteStorage, Storage, StorageFuture, StoreSummary, Synchronous,
};
use livestore_sync_protocol::{Event, EventId, PushVerdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what is read.
#[derive(Debug)]
struct Counting {
    storage: SqliteStorage,
    reads: AtomicUsize,
}

impl Storage for Counting {
    fn load<'a>(&'a self, store_id: &'a str) -> StorageFuture<'a, Option<LogState>> {
        self.storage.load(store_id)
    }

    fn create<'a>(&'a self, store_id: &'a str, backend_id: &'a str) -> StorageFuture<'a, LogState> {
        self.storage.create(store_id, backend_id)
    }

    fn append<'a>(&'a self, store_id: &'a str, log: &'a LogState, entries: Vec<Entry>) -> StorageFuture<'a, Appended> {
        self.storage.append(store_id, log, entries)
    }

    fn read<'a>(&'a self, store_id: &'a str, after: u64, max: ReadMax) -> StorageFuture<'a, Vec<Entry>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.storage.read(store_id, after, max)
    }

    fn origins<'a>(&'a self, store_id: &'a str, nonces: Vec<Nonce>) -> StorageFuture<'a, Vec<Option<u64>>> {
        self.storage.origins(store_id, nonces)
    }

    fn stores<'a>(&'a self, after: Option<&'a str>, max: usize) -> StorageFuture<'a, Vec<StoreSummary>> {
        self.storage.stores(after, max)
    }
}

fn push(client: u8, number: u64) -> Push {
    let event = Event {
        name: "v1.Noted".into(),
        args: None,
        number,
        parent: number - 1,
        client_id: format!("client-{client}"),
        session_id: "session".into(),
        id: Some(EventId([client; 16])),
        rest: Some(0),
    };
    Push { batch: vec![event], backend_id: None, principal: None, at_ms: 0 }
}

#[tokio::test]
async fn who_is_behind_by_what_came_just_now_is_told_from_memory() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(dir.path(), Synchronous::Normal).unwrap();
    let storage = Arc::new(Counting { storage, reads: AtomicUsize::new(0) });
    let hub = Hub::new(Arc::clone(&storage) as Arc<dyn Storage>, HubOptions::default());
    let store = hub.open("s").await.unwrap();
    let taken = Verdict::Judged(PushVerdict::Accepted { head: 1 });
    assert_eq!(store.push(push(1, 1)).await, Ok(taken.clone()));
    for client in 2..10 {
        let behind = Verdict::Judged(PushVerdict::ServerAhead { head: 1 });
        assert_eq!(store.push(push(client, 1)).await, Ok(behind), "client {client}");
    }
    assert_eq!(store.push(push(1, 1)).await, Ok(taken), "a repeat is known again");
    assert_eq!(storage.reads.load(Ordering::Relaxed), 0);
}
