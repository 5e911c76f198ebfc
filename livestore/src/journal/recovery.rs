use super::record::{self, Decoded};
use super::{Identity, header};
use crate::error::StorageError;
use crate::event::CommitGroup;
use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A segment of a session that ended. The lock is held while it is read.
#[derive(Debug)]
pub(crate) struct DeadJournal {
    pub(crate) identity: Identity,
    /// The groups in the order of their commits.
    pub(crate) groups: Vec<CommitGroup>,
    /// Bytes after the last whole record are no unfinished append: the file is kept aside, with all it holds.
    pub(crate) is_damaged: bool,
    path: PathBuf,
    _lock: File,
}

/// Every segment in the folder that no living session holds, those of one journal in their order.
pub(crate) fn scan(folder: &Path) -> Result<Vec<DeadJournal>, StorageError> {
    let fail = |error: std::io::Error| StorageError::io(folder, &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("journal-") && name.ends_with(".log") {
            paths.push(path);
        }
    }
    // The number in the name has a fixed width, so names sort as segments do.
    paths.sort();
    paths.into_iter().filter_map(|path| read(path).transpose()).collect()
}

/// `None` where the segment is locked, or is gone since the folder was listed.
fn read(path: PathBuf) -> Result<Option<DeadJournal>, StorageError> {
    let fail = |error: std::io::Error| StorageError::io(&path, &error);
    let mut file = match File::options().read(true).write(true).open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(fail)?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(fail(error)),
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(fail)?;
    let Some(identity) = header::decode(&bytes) else {
        // Not one acknowledged record can be in a file whose header was not written whole.
        let is_unborn = bytes.len() < header::LEN;
        keep_aside(&path, if is_unborn { "empty" } else { "damaged" });
        return Ok(None);
    };
    let (groups, is_damaged) = read_records(&identity, &bytes[header::LEN..]);
    Ok(Some(DeadJournal { identity, groups, is_damaged, path, _lock: file }))
}

fn read_records(identity: &Identity, mut bytes: &[u8]) -> (Vec<CommitGroup>, bool) {
    let mut groups: Vec<CommitGroup> = Vec::new();
    loop {
        match record::decode(bytes) {
            Decoded::End => return (groups, false),
            Decoded::Damage => return (groups, true),
            Decoded::Record { ordinal, events, len } => {
                bytes = &bytes[len..];
                if groups.last().is_some_and(|last| last.last_ordinal() + 1 != ordinal) {
                    return (groups, true);
                }
                groups.push(CommitGroup {
                    nonce: identity.nonce,
                    ordinal,
                    client_id: identity.client_id.clone(),
                    session_id: identity.session_id.clone(),
                    events,
                });
            }
        }
    }
}

/// Renames the file so that it is not read again, and never deletes it.
fn keep_aside(path: &Path, what: &str) {
    let aside = path.with_extension(what);
    tracing::error!(path = %path.display(), aside = %aside.display(), "a journal is {what} and is kept aside");
    let _ = std::fs::rename(path, aside); // If it stays, the next start meets it again and says so again.
}

impl DeadJournal {
    /// Removes the file, after the log that took its groups was synced. A damaged one is kept aside.
    pub(crate) fn remove(self) {
        if self.is_damaged {
            keep_aside(&self.path, "damaged");
        } else {
            let _ = std::fs::remove_file(&self.path); // Known to be taken, should it stay.
        }
    }
}
