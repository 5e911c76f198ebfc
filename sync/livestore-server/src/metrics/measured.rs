use super::METRICS;
use crate::storage::{Appended, Entry, LogState, Nonce, ReadMax, Storage, StorageFuture, StoreSummary};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedReceiver;

/// A storage whose work is counted.
#[derive(Debug)]
pub(crate) struct Measured(pub(crate) Arc<dyn Storage>);

/// Counts errors.
fn seen<'a, T: Send + 'a>(work: StorageFuture<'a, T>) -> StorageFuture<'a, T> {
    Box::pin(async move {
        let result = work.await;
        if result.is_err() {
            METRICS.storage_errors.add(1);
        }
        result
    })
}

impl Storage for Measured {
    fn load<'a>(&'a self, store_id: &'a str) -> StorageFuture<'a, Option<LogState>> {
        seen(self.0.load(store_id))
    }

    fn create<'a>(&'a self, store_id: &'a str, backend_id: &'a str) -> StorageFuture<'a, LogState> {
        seen(self.0.create(store_id, backend_id))
    }

    fn append<'a>(&'a self, store_id: &'a str, log: &'a LogState, entries: Vec<Entry>) -> StorageFuture<'a, Appended> {
        let (begin, events) = (Instant::now(), entries.len() as u64);
        let appending = seen(self.0.append(store_id, log, entries));
        Box::pin(async move {
            let appended = appending.await;
            METRICS.append.took(begin.elapsed());
            if appended == Ok(Appended::Stored) {
                METRICS.events.add(events);
            }
            appended
        })
    }

    fn read<'a>(&'a self, store_id: &'a str, after: u64, max: ReadMax) -> StorageFuture<'a, Vec<Entry>> {
        seen(self.0.read(store_id, after, max))
    }

    fn origins<'a>(&'a self, store_id: &'a str, nonces: Vec<Nonce>) -> StorageFuture<'a, Vec<Option<u64>>> {
        seen(self.0.origins(store_id, nonces))
    }

    fn stores<'a>(&'a self, after: Option<&'a str>, max: usize) -> StorageFuture<'a, Vec<StoreSummary>> {
        seen(self.0.stores(after, max))
    }

    fn verify(&self) -> StorageFuture<'_, Option<String>> {
        seen(self.0.verify())
    }

    fn is_shared(&self) -> bool {
        self.0.is_shared()
    }

    fn hints(&self) -> Option<UnboundedReceiver<Box<str>>> {
        self.0.hints()
    }
}
