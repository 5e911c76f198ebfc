use super::{Adapter, Boot, Connected, Seats, random};
use crate::error::OpenError;
use crate::ids::{ClientId, EventId, JournalNonce, SessionId, StoreId};
use crate::leader::{Leader, LeaderHandle, Storage};
use crate::session::CommitLog;
use std::sync::Arc;

/// Keeps everything in memory: for tests, and for data that need not outlive the process.
///
/// The data of a store lives as long as some handle of it is open. Clones of one adapter share their stores; each call of
/// this function makes a client of its own.
///
/// ```no_run
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: String }
/// # #[schema(events(Added))] pub struct App;
/// # #[materializers] impl App { fn added(_: Added) {} }
/// # fn main() -> Result<()> {
/// let adapter = memory();
/// let store = Store::<App>::open(adapter.clone(), "todos")?;
/// let second_session = Store::<App>::open(adapter, "todos")?;
/// # Ok(()) }
/// ```
#[must_use]
pub fn memory() -> MemoryAdapter {
    MemoryAdapter { client_id: ClientId::mint(&random), stores: Arc::default() }
}

/// The adapter made by [`memory()`].
#[derive(Clone, Debug)]
pub struct MemoryAdapter {
    client_id: ClientId,
    stores: Arc<Seats<StoreId>>,
}

impl Adapter for MemoryAdapter {
    fn connect(&self, mut boot: Boot<'_>) -> Result<Connected, OpenError> {
        let seat = self.stores.seat(boot.store_id.clone());
        let leader = seat.join(&mut boot, &self.client_id, |boot, start| {
            let leader = Leader::open(&Storage::Memory, boot.materializers, &mut |_, _| Ok(Vec::new()), boot.progress)?;
            let sync = boot.sync.clone().map(|sync| sync.setup(boot.store_id, &self.client_id));
            LeaderHandle::lead(leader, boot.options, sync, Box::new(start.presence))
        })?;
        Ok(Connected {
            leader,
            commit_log: CommitLog::Memory { nonce: JournalNonce::mint(&random), next_ordinal: EventId::ORDINAL_MIN },
            client_id: self.client_id.clone(),
            session_id: SessionId::mint(&random),
            keep: Vec::new(),
        })
    }
}
