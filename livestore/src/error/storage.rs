use std::path::{Path, PathBuf};

/// A fault of the disk, of memory or of SQLite itself: not the fault of any event.
///
/// The step that met it changed nothing and can be tried again once the cause is gone.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{message}; {}", shown(path.as_deref()), kind.advice())]
pub struct StorageError {
    /// What kind of fault it is.
    pub kind: StorageKind,
    /// The file, where there is one.
    pub path: Option<PathBuf>,
    /// What SQLite or the operating system said.
    pub message: String,
}

/// The kinds of storage fault, each with its own way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageKind {
    /// The disk or the quota is full.
    Full,
    /// The file is damaged.
    Damaged,
    /// The file is no SQLite database.
    NotADatabase,
    /// The file or directory cannot be written.
    NotWritable,
    /// Another process holds the file.
    Busy,
    /// No memory, or a limit of SQLite was reached.
    Resources,
    /// Reading or writing failed in another way.
    Io,
}

/// The eventlog's name in the folder of its store.
pub(crate) const LOG_FILE: &str = "eventlog.db";

impl StorageKind {
    /// What to do about it, in one clause.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Full => "free some space and try again, nothing that was committed is lost",
            Self::Damaged => {
                "keep a copy of the file before anything else; damaged state is rebuilt from the eventlog when the store is opened"
            }
            Self::NotADatabase => "move the file away or choose another directory",
            Self::NotWritable => "give this user write access or choose another directory",
            Self::Busy => "close the other program that holds the file and try again",
            Self::Resources => "free some memory and try again",
            Self::Io => "check the disk and try again",
        }
    }
}

impl StorageError {
    pub(crate) fn is_busy(&self) -> bool {
        self.kind == StorageKind::Busy
    }

    /// Whether the content of a file is to blame.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self.kind, StorageKind::Damaged | StorageKind::NotADatabase)
    }

    /// Whether it speaks of this file.
    pub(crate) fn is_of(&self, path: Option<&Path>) -> bool {
        self.path.as_deref() == path
    }

    /// The eventlog, where it speaks of one.
    pub(crate) fn log(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| path.file_name().is_some_and(|name| name == LOG_FILE))
    }

    const FENCED: &str = "another process leads this store now";

    /// A leader that came later writes this file now.
    pub(crate) fn fenced(path: Option<&Path>) -> Self {
        Self { kind: StorageKind::Busy, path: path.map(Path::to_owned), message: Self::FENCED.to_owned() }
    }

    /// Whether trying again never helps: see [`fenced`](Self::fenced).
    pub(crate) fn is_fenced(&self) -> bool {
        self.kind == StorageKind::Busy && self.message == Self::FENCED
    }

    pub(crate) fn io(path: &Path, source: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let kind = match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StorageKind::Full,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
                StorageKind::NotWritable
            }
            ErrorKind::OutOfMemory => StorageKind::Resources,
            _ => StorageKind::Io,
        };
        Self { kind, path: Some(path.to_owned()), message: source.to_string() }
    }
}

fn shown(path: Option<&Path>) -> String {
    path.map(|path| format!("{}: ", path.display())).unwrap_or_default()
}
