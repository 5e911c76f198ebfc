use super::Identity;
use super::header::{self, Header};
use super::record::{self, Decoded};
use crate::crash::{FileOp, file_point};
use crate::error::{OpenError, StorageError};
use crate::event::CommitGroup;
use std::collections::BTreeSet;
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
    lock: File,
}

/// Every segment in the folder that no living session holds, those of one journal in their order.
pub(crate) fn scan(folder: &Path) -> Result<Vec<DeadJournal>, OpenError> {
    // The number in the name has a fixed width, so names sort as segments do.
    listed(folder, ".log")?.into_iter().filter_map(|path| read(path).transpose()).collect()
}

/// The files that could not be read whole and were kept.
pub(crate) fn kept_aside(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    listed(folder, ".damaged")
}

/// The nonces of all journals of which some file is there: living, dead, or kept aside.
pub(crate) fn nonces(folder: &Path) -> Result<BTreeSet<String>, StorageError> {
    let names = listed(folder, "")?.into_iter().map(|path| path.file_name().unwrap_or_default().to_owned());
    Ok(names.filter_map(|name| Some(name.to_string_lossy().split('-').nth(1)?.to_owned())).collect())
}

/// Removes files of sessions that ended before they gave them a name. A session of another process that is about to lock its
/// file right now finds it gone, and makes another.
pub(crate) fn remove_unborn(folder: &Path) -> Result<(), StorageError> {
    for path in listed(folder, ".new")? {
        let Ok(file) = File::options().write(true).open(&path) else { continue };
        if file.try_lock().is_ok() {
            let _ = std::fs::remove_file(&path); // It costs space only; the next start tries again.
        }
    }
    Ok(())
}

fn listed(folder: &Path, end: &str) -> Result<Vec<PathBuf>, StorageError> {
    let fail = |error: std::io::Error| StorageError::io(folder, &error);
    let mut paths = Vec::new();
    file_point(folder, FileOp::Open).map_err(fail)?;
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("journal-") && name.ends_with(end) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// `None` where the segment is locked, is gone since the folder was listed, or gives nothing.
fn read(path: PathBuf) -> Result<Option<DeadJournal>, OpenError> {
    let fail = |error: std::io::Error| StorageError::io(&path, &error);
    file_point(&path, FileOp::Open).map_err(fail)?;
    let mut file = match File::options().read(true).write(true).open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(fail)?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(fail(error).into()),
    }
    let mut bytes = Vec::new();
    file_point(&path, FileOp::Read).and_then(|()| file.read_to_end(&mut bytes)).map_err(fail)?;
    match header::decode(&bytes) {
        Header::Ours(identity) => {
            let (groups, is_damaged) = read_records(&identity, &bytes[header::LEN..]);
            Ok(Some(DeadJournal { identity, groups, is_damaged, path, lock: file }))
        }
        // What another version committed is for that version to take; opening without it would lose it silently.
        Header::Format(found) => Err(OpenError::NewerFormat { path, found, supported: header::FORMAT }),
        Header::Nothing => {
            let _ = std::fs::remove_file(&path); // It holds nothing, and the next start tries again.
            Ok(None)
        }
        Header::Damaged => {
            keep_aside(&path);
            Ok(None)
        }
    }
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
                let (client_id, session_id) = (identity.client_id.clone(), identity.session_id.clone());
                groups.push(CommitGroup::new((identity.nonce, ordinal), client_id, session_id, events));
            }
        }
    }
}

/// Renames the file so that it is not read again, and never deletes it.
fn keep_aside(path: &Path) {
    let names =
        (1..).map(|nth| path.with_extension(if nth == 1 { "damaged".into() } else { format!("{nth}.damaged") }));
    let Some(aside) = names.into_iter().find(|name: &PathBuf| !name.exists()) else { return };
    tracing::error!(path = %path.display(), aside = %aside.display(), "a journal is damaged and is kept aside");
    let _ = file_point(path, FileOp::Rename).and_then(|()| std::fs::rename(path, aside)); // If it stays, the next start meets it again and says so again.
}

impl DeadJournal {
    /// Removes the file, after the log that took its groups was synced. A damaged one is kept aside.
    pub(crate) fn remove(self) {
        if self.is_damaged {
            keep_aside(&self.path);
        } else {
            let _ = file_point(&self.path, FileOp::Remove).and_then(|()| std::fs::remove_file(&self.path)); // Known to be taken, should it stay.
        }
    }
}

impl Drop for DeadJournal {
    fn drop(&mut self) {
        // Not left to the closing: a child that this process is starting holds a copy of the handle for a moment.
        let _ = self.lock.unlock();
    }
}
