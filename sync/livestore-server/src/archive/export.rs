use super::format::ArchiveWriter;
use super::{ArchiveError, Header, PAGE, Progress};
use crate::storage::Storage;
use std::io::Write;

/// Writes a store's log as a file, up to the head that it has now. Others may append meanwhile.
///
/// Writing blocks; memory is that of one page.
///
/// # Errors
///
/// There is no such store, its log is damaged, or it cannot be read or written.
///
/// ```
/// use livestore_server::archive::{Identity, export, import, verify};
/// use livestore_server::storage::{SqliteStorage, Storage, Synchronous};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// let storage = SqliteStorage::open(dir.path(), Synchronous::Full)?;
/// storage.create("notes", "a-backend-id").await?;
///
/// let mut file = Vec::new();
/// export(&storage, "notes", &mut file, |_| {}).await?;
/// assert_eq!(&*verify(&*file)?.store_id, "notes");
///
/// import(&storage, "copy-of-notes", &*file, Identity::New, |_| {}).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn export(
    storage: &dyn Storage,
    store_id: &str,
    out: impl Write,
    mut progress: impl FnMut(Progress),
) -> Result<Header, ArchiveError> {
    let no_store = || ArchiveError::NoStore { store_id: store_id.into() };
    let log = storage.load(store_id).await?.ok_or_else(no_store)?;
    let header = Header::new(store_id, &log.backend_id, log.head);
    let mut writer = ArchiveWriter::new(out, &header)?;
    let mut done = 0;
    while done < log.head {
        progress(Progress { done, of: log.head });
        let page = storage.read(store_id, done, PAGE).await?;
        for entry in page.iter().take_while(|entry| entry.number <= log.head) {
            writer.entry(entry)?;
            done = entry.number;
        }
    }
    let now = storage.load(store_id).await?;
    if now.is_none_or(|now| now.backend_id != log.backend_id || now.head < log.head) {
        return Err(ArchiveError::Replaced { store_id: store_id.into() });
    }
    writer.finish()?;
    progress(Progress { done, of: log.head });
    Ok(header)
}
