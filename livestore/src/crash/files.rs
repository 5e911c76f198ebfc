//! Faults of plain files: each operation on one is a point at which a test may have it fail. Without the feature they are what
//! the standard library does.

#[cfg(feature = "crash-points")]
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
#[cfg(feature = "crash-points")]
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// What is done to a plain file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "crash-points"), allow(unreachable_pub, dead_code))] // Then nobody asks.
pub enum FileOp {
    /// It is opened or created, or its folder is read.
    Open,
    /// It is read.
    Read,
    /// It is written.
    Write,
    /// It is cut.
    Truncate,
    /// It is made to survive a power loss.
    Sync,
    /// It gets another name.
    Rename,
    /// It is removed.
    Remove,
}

/// What a test makes of it.
#[cfg(feature = "crash-points")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAnswer {
    /// It is done.
    Pass,
    /// It fails.
    Fail,
    /// A write is half done, and fails.
    Half,
    /// There is no space.
    Full,
}

/// Decides about each operation below a directory.
#[cfg(feature = "crash-points")]
pub type FileFaults = Arc<dyn Fn(FileOp) -> FileAnswer + Send + Sync>;

#[cfg(feature = "crash-points")]
static FAULTS: Mutex<BTreeMap<PathBuf, FileFaults>> = Mutex::new(BTreeMap::new());

#[cfg(feature = "crash-points")]
fn answer(path: &Path, op: FileOp) -> FileAnswer {
    let known = FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let faults = known.iter().find(|(directory, _)| path.starts_with(directory)).map(|(_, faults)| Arc::clone(faults));
    drop(known);
    faults.map_or(FileAnswer::Pass, |faults| faults(op))
}

/// While the closure runs, operations on plain files below the directory are decided upon so, in every thread.
#[cfg(feature = "crash-points")]
pub fn with_files<T>(directory: &Path, faults: FileFaults, run: impl FnOnce() -> T) -> T {
    let known = || FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    known().insert(directory.to_owned(), faults);
    let done = run();
    known().remove(directory);
    done
}

/// Before an operation on a file: an error where a test asked for one.
#[cfg(feature = "crash-points")]
pub(crate) fn file_point(path: &Path, op: FileOp) -> io::Result<()> {
    match answer(path, op) {
        FileAnswer::Pass => Ok(()),
        FileAnswer::Full => Err(io::ErrorKind::StorageFull.into()),
        FileAnswer::Fail | FileAnswer::Half => Err(io::Error::other("a fault that a test asked for")),
    }
}

#[cfg(not(feature = "crash-points"))]
pub(crate) const fn file_point(_: &Path, _: FileOp) -> io::Result<()> {
    Ok(())
}

/// Writes all of it, or a part of it and an error.
pub(crate) fn write_all(mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    #[cfg(feature = "crash-points")]
    match answer(path, FileOp::Write) {
        FileAnswer::Pass => {}
        FileAnswer::Full => return Err(io::ErrorKind::StorageFull.into()),
        FileAnswer::Fail => return Err(io::Error::other("a fault that a test asked for")),
        FileAnswer::Half => {
            file.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
            return Err(io::Error::other("a fault that a test asked for"));
        }
    }
    let _ = path;
    file.write_all(bytes)
}
