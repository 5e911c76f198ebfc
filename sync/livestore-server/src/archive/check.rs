use super::groups::{Chain, event_of};
use super::{PAGE, Progress};
use crate::storage::{LogState, Storage, StorageError};
use livestore_sync_protocol::BackendId;

/// What a check found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The log is damaged here first.
    #[error("`{store_id}` is damaged: {reason}")]
    Damaged {
        /// Whose log.
        store_id: Box<str>,
        /// What was found first.
        reason: String,
    },
    /// There is no such log.
    #[error("there is no store `{store_id}`; `livestore-server stores` lists those that are there")]
    NoStore {
        /// What was asked for.
        store_id: Box<str>,
    },
    /// The log cannot be read now, so nothing is known of it.
    #[error(transparent)]
    Storage(StorageError),
}

/// Reads a whole log and checks every event: that it is there and reads, that its number and its parent follow the event before,
/// that its commit group is whole, that it fits what clients can be sent; and that the log ends at its head.
///
/// # Errors
///
/// The first thing that is wrong.
pub async fn check(
    storage: &dyn Storage,
    store_id: &str,
    mut progress: impl FnMut(Progress),
) -> Result<LogState, CheckError> {
    let damaged = |reason: String| CheckError::Damaged { store_id: store_id.into(), reason };
    let failed = |error: StorageError| match error {
        StorageError::Damaged { reason } => CheckError::Damaged { store_id: store_id.into(), reason },
        other => CheckError::Storage(other),
    };
    let log = storage.load(store_id).await.map_err(failed)?;
    let log = log.ok_or_else(|| CheckError::NoStore { store_id: store_id.into() })?;
    BackendId::new(&*log.backend_id).map_err(|error| damaged(format!("its backend id: {error}")))?;
    let mut chain = Chain::default();
    while chain.head() < log.head {
        progress(Progress { done: chain.head(), of: log.head });
        let page = storage.read(store_id, chain.head(), PAGE).await.map_err(failed)?;
        for entry in page.iter().take_while(|entry| entry.number <= log.head) {
            event_of(entry).and_then(|event| chain.take(event)).map_err(damaged)?;
        }
        if page.is_empty() {
            return Err(damaged(format!("it ends at e{} and should end at e{}", chain.head(), log.head)));
        }
    }
    chain.end().map_err(damaged)?;
    progress(Progress { done: log.head, of: log.head });
    Ok(log)
}
