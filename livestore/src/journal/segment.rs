use super::{Identity, header};
use crate::crash::{FileOp, file_point, write_all};
use crate::error::StorageError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// One locked file of a journal.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    number: u64,
    len: u64,
    last_ordinal: u64,
    /// A failed append could not be taken back: what stands behind `len` must go before anything is added.
    has_remains: bool,
}

impl Segment {
    /// Creates the file under another name, locks it, writes its header, and only then gives it its name: whoever looks for
    /// dead journals never sees one that is just being born.
    pub(super) fn create(
        folder: &Path,
        identity: &Identity,
        number: u64,
        next_ordinal: u64,
    ) -> Result<Self, StorageError> {
        let path = folder.join(format!("journal-{}-{number:06}.log", identity.nonce));
        let mut tries = 0;
        let file = loop {
            match give_birth(&path, identity) {
                Ok(file) => break file,
                // Whoever begins to lead right now took it for a leftover.
                Err(BirthError::TakenAway) if tries < BIRTHS_MAX => tries += 1,
                Err(BirthError::TakenAway) => return Err(StorageError::io(&path, &ErrorKind::WouldBlock.into())),
                Err(BirthError::Failed(error)) => return Err(StorageError::io(&path, &error)),
            }
        };
        Ok(Self { path, file, number, len: header::LEN as u64, last_ordinal: next_ordinal - 1, has_remains: false })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn last_ordinal(&self) -> u64 {
        self.last_ordinal
    }

    pub(super) fn record_bytes(&self) -> u64 {
        self.len - header::LEN as u64
    }

    /// Writes the record whole, or takes it back.
    pub(super) fn append(&mut self, record: &[u8], last_ordinal: u64) -> Result<(), StorageError> {
        if self.has_remains {
            self.cut_to(self.len).map_err(|error| StorageError::io(&self.path, &error))?;
            self.has_remains = false;
        }
        crate::crash::crash_point!(
            "journal.half-written",
            write_all(&self.file, &self.path, &record[..record.len() / 2])
        );
        if let Err(error) = write_all(&self.file, &self.path, record) {
            self.has_remains = self.cut_to(self.len).is_err();
            return Err(StorageError::io(&self.path, &error));
        }
        self.len += record.len() as u64;
        self.last_ordinal = last_ordinal;
        Ok(())
    }

    fn cut_to(&mut self, len: u64) -> std::io::Result<()> {
        file_point(&self.path, FileOp::Truncate)?;
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::Start(len)).map(drop)
    }

    /// Empties the segment: all of it was taken.
    pub(super) fn clear(&mut self) {
        // A segment that cannot be cut stays as it is: its records are known to be taken.
        if self.cut_to(header::LEN as u64).is_ok() {
            self.len = header::LEN as u64;
        }
    }

    /// Whether its file is gone.
    pub(super) fn remove(&self) -> bool {
        file_point(&self.path, FileOp::Remove).and_then(|()| std::fs::remove_file(&self.path)).is_ok()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // Not left to the closing: a child that this process is starting holds a copy of the handle for a moment.
        let _ = self.file.unlock();
    }
}

/// How often a new file may be taken away before it has its name.
const BIRTHS_MAX: u32 = 100;

enum BirthError {
    TakenAway,
    Failed(std::io::Error),
}

fn give_birth(path: &Path, identity: &Identity) -> Result<File, BirthError> {
    let unborn = path.with_extension("new");
    file_point(path, FileOp::Open).map_err(BirthError::Failed)?;
    let opened = OpenOptions::new().create_new(true).read(true).write(true).open(&unborn);
    let file = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            std::thread::yield_now(); // The names are this journal's own: it is being removed.
            return Err(BirthError::TakenAway);
        }
        opened => opened.map_err(BirthError::Failed)?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(BirthError::TakenAway),
        Err(TryLockError::Error(error)) => return Err(BirthError::Failed(error)),
    }
    crate::crash::crash_point!("journal.unborn");
    let born = write_all(&file, path, &header::encode(identity))
        .and_then(|()| file_point(path, FileOp::Rename))
        .and_then(|()| std::fs::rename(&unborn, path));
    match born {
        Ok(()) => Ok(file),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(BirthError::TakenAway),
        Err(error) => {
            let _ = std::fs::remove_file(&unborn); // The first error is the one to show.
            Err(BirthError::Failed(error))
        }
    }
}
