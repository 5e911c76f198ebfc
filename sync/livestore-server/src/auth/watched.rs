use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The largest file that is read, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// How long a file is believed before it is looked at again.
const BELIEVED: Duration = Duration::from_secs(1);

/// A file that changed this shortly before it was read may change again without another time stamp.
const STAMP_SETTLES: Duration = Duration::from_secs(2);

/// What a file says, read again when the file changes. A file that does not read any more leaves what was read before.
///
/// Nothing watches it in the background: it is looked at when it is used, at most once a second.
pub(crate) struct Watched<T, E> {
    path: PathBuf,
    parse: fn(&[u8]) -> Result<T, E>,
    believed: Duration,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    stamp: Option<Stamp>,
    looked_at: Instant,
    /// What was wrong last, so that it is said once.
    complaint: Option<String>,
}

/// What tells one version of a file from another without reading it.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WatchedError<E> {
    #[error("it does not read: {0}")]
    Read(#[from] std::io::Error),
    #[error("it has more than {FILE_LEN_MAX} bytes")]
    TooLarge,
    #[error("{0}")]
    Parse(E),
}

impl<T, E: fmt::Display> Watched<T, E> {
    /// Reads a file for the first time.
    pub(crate) fn open(path: &Path, parse: fn(&[u8]) -> Result<T, E>) -> Result<Self, WatchedError<E>> {
        // The stamp is taken before the bytes: what changes in between is read again.
        let stamp = stamp(path);
        let value = parse(&read(path)?).map_err(WatchedError::Parse)?;
        let state = State { value: Arc::new(value), stamp, looked_at: Instant::now(), complaint: None };
        Ok(Self { path: path.to_owned(), parse, believed: BELIEVED, state: Mutex::new(state) })
    }

    /// Looks at the file at each use. For tests.
    pub(crate) const fn believed_for(mut self, believed: Duration) -> Self {
        self.believed = believed;
        self
    }

    /// What the file says now, or said when it last read.
    pub(crate) fn current(&self) -> Arc<T> {
        // The lock is held over a look at the file: whoever waits would look too.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() >= self.believed {
            state.looked_at = Instant::now();
            self.look(&mut state);
        }
        Arc::clone(&state.value)
    }

    fn look(&self, state: &mut State<T>) {
        let stamp = stamp(&self.path);
        if stamp.is_some() && stamp == state.stamp {
            return;
        }
        match read(&self.path).and_then(|bytes| (self.parse)(&bytes).map_err(WatchedError::Parse)) {
            Ok(value) => {
                state.value = Arc::new(value);
                if state.complaint.take().is_some() {
                    tracing::info!(path = %self.path.display(), "the file reads again");
                }
            }
            Err(error) => {
                let complaint = error.to_string();
                if state.complaint.as_ref() != Some(&complaint) {
                    tracing::error!(path = %self.path.display(), error = %complaint, "the file is not taken, what it said before holds");
                    state.complaint = Some(complaint);
                }
            }
        }
        state.stamp = stamp;
    }
}

impl<T, E> fmt::Debug for Watched<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.path, f)
    }
}

/// `None` when there is no such file, or when its stamp is too fresh to tell it from the next version.
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    let modified = metadata.modified().ok();
    let is_settled = |at: SystemTime| at.elapsed().is_ok_and(|age| age >= STAMP_SETTLES);
    modified.is_none_or(is_settled).then(|| Stamp { modified, len: metadata.len(), inode: inode(&metadata) })
}

#[cfg(unix)]
fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

fn read<E>(path: &Path) -> Result<Vec<u8>, WatchedError<E>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LEN_MAX {
        return Err(WatchedError::TooLarge);
    }
    Ok(bytes)
}
