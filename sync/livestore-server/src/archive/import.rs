use super::read::ArchiveReader;
use super::{ArchiveError, Progress};
use crate::storage::{Appended, Entry, LogState, ReadMax, Storage, StorageError};
use livestore_sync_protocol::{BackendId, check_store_id};
use std::io::BufRead;

/// Which backend id a log gets that an import makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A new one: clients notice that the log is another one. For an older file, which may lack events that clients have.
    New,
    /// That of the file: clients go on as if nothing had happened. For a log that moves, whole.
    Keep,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The log, as it is now.
    pub log: LogState,
    /// How many of its events were there before.
    pub had: u64,
}

/// Why an import ended early. What was imported until then is a whole beginning of the file: the same import goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The store's id cannot be one.
    #[error("the store: {reason}")]
    StoreId {
        /// Why.
        reason: String,
    },
    /// The store's log is not a beginning of the file. Nothing of it is touched.
    #[error("`{store_id}` holds another log than the file: e{number} is not the same; import into another store")]
    Differs {
        /// Whose log.
        store_id: Box<str>,
        /// The first event that is not the same.
        number: u64,
    },
    /// The store's log goes on where the file ends. Nothing of it is touched.
    #[error("`{store_id}` has {head} events already, and the file {of}: there is nothing to import")]
    Longer {
        /// Whose log.
        store_id: Box<str>,
        /// Its head.
        head: u64,
        /// The file's.
        of: u64,
    },
    /// The store has a log with another backend id than the one to keep, and a backend id never changes.
    #[error("`{store_id}` has the backend id `{found}` already: import with a new one, or into another store")]
    OtherBackend {
        /// Whose log.
        store_id: Box<str>,
        /// What it has.
        found: Box<str>,
    },
    /// Somebody else appended to the log meanwhile.
    #[error("somebody else appends to `{store_id}`: stop them, then run the import again")]
    Contended {
        /// Whose log.
        store_id: Box<str>,
    },
}

/// Appends what a file has more than a store's log, which has to be missing, empty, or a beginning of the file. Nothing that is
/// stored is ever changed, a backend id neither: one that is to be kept needs a store that is missing, or that has it already. A store
/// that is missing is made with its first events.
///
/// Whole commit groups at a time, each batch all or nothing. Reading blocks. A file that may be cut should be
/// [verified](super::verify) first; otherwise what comes before the cut is imported, and the rest with the next attempt.
///
/// # Errors
///
/// See [`ImportError`].
pub async fn import(
    storage: &dyn Storage,
    store_id: &str,
    input: impl BufRead,
    identity: Identity,
    mut progress: impl FnMut(Progress),
) -> Result<Imported, ImportError> {
    check_store_id(store_id).map_err(|error| ImportError::StoreId { reason: error.to_string() })?;
    let mut archive = ArchiveReader::open(input)?;
    let header = archive.header().clone();
    let mut log = found(storage, store_id, &header.backend_id, identity).await?;
    let had = log.as_ref().map_or(0, |log| log.head);
    if had > header.head {
        return Err(ImportError::Longer { store_id: store_id.into(), head: had, of: header.head });
    }
    let mut done = 0;
    while let Some(mut batch) = archive.next_batch()? {
        progress(Progress { done, of: header.head });
        done = batch.last().map_or(done, |last| last.number);
        let new = batch.split_off(batch.partition_point(|entry| entry.number <= had));
        compare(storage, store_id, &batch).await?;
        // Not before there is something to store: a file that breaks off at once leaves no empty log, whose backend id would stay.
        let log = made(storage, store_id, &header.backend_id, identity, &mut log).await?;
        append(storage, store_id, log, new).await?;
    }
    progress(Progress { done, of: header.head });
    let log = made(storage, store_id, &header.backend_id, identity, &mut log).await?;
    Ok(Imported { log: log.clone(), had })
}

/// The log to import into, where it is there.
async fn found(
    storage: &dyn Storage,
    store_id: &str,
    kept: &str,
    identity: Identity,
) -> Result<Option<LogState>, ImportError> {
    BackendId::new(kept).map_err(|error| ArchiveError::NotAnArchive { reason: error.to_string() })?;
    match storage.load(store_id).await? {
        Some(log) => with_identity(store_id, log, kept, identity).map(Some),
        None => Ok(None),
    }
}

/// The log to import into, made where there is none.
async fn made<'a>(
    storage: &dyn Storage,
    store_id: &str,
    kept: &str,
    identity: Identity,
    log: &'a mut Option<LogState>,
) -> Result<&'a mut LogState, ImportError> {
    let made = match log.take() {
        Some(log) => log,
        None => {
            let backend_id = match identity {
                Identity::New => nanoid::nanoid!(),
                Identity::Keep => kept.to_owned(),
            };
            // Somebody else may have made it meanwhile, with another id.
            with_identity(store_id, storage.create(store_id, &backend_id).await?, kept, identity)?
        }
    };
    Ok(log.insert(made))
}

fn with_identity(store_id: &str, log: LogState, kept: &str, identity: Identity) -> Result<LogState, ImportError> {
    if identity == Identity::Keep && &*log.backend_id != kept {
        return Err(ImportError::OtherBackend { store_id: store_id.into(), found: log.backend_id });
    }
    Ok(log)
}

/// What the log has already has to be what the file has.
async fn compare(storage: &dyn Storage, store_id: &str, batch: &[Entry]) -> Result<(), ImportError> {
    let mut rest = batch;
    while let Some(first) = rest.first() {
        let max = ReadMax { events: rest.len(), bytes: usize::MAX };
        let stored = storage.read(store_id, first.number - 1, max).await?;
        let is_same = |(ours, theirs): (&Entry, &Entry)| ours.body == theirs.body && ours.rest == theirs.rest;
        let count = stored.len().min(rest.len());
        let differs = rest.iter().zip(&stored).find(|pair| !is_same(*pair)).map(|(ours, _)| ours.number);
        match differs {
            None if count > 0 => rest = &rest[count..],
            number => {
                let number = number.unwrap_or(first.number);
                return Err(ImportError::Differs { store_id: store_id.into(), number });
            }
        }
    }
    Ok(())
}

async fn append(
    storage: &dyn Storage,
    store_id: &str,
    log: &mut LogState,
    entries: Vec<Entry>,
) -> Result<(), ImportError> {
    let Some(head) = entries.last().map(|last| last.number) else { return Ok(()) };
    match storage.append(store_id, log, entries).await? {
        Appended::Stored => {
            log.head = head;
            Ok(())
        }
        Appended::Moved(_) => Err(ImportError::Contended { store_id: store_id.into() }),
    }
}
