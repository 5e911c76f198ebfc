//! Takes a repository's commits into a store: each once, however often and wherever an import was ended.

mod batch;

use crate::failure::Failure;
use crate::git::{CommitHeader, GitRepository, Log, Piece};
use crate::schema::{Commit, CommitRead, FileChange, FilesRead, History, Repository, RepositoryChosen};
use batch::{Batches, file_bytes};
use livestore::{Store, Table};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// A commit with more files than fit into this many bytes of JSON is read in parts, so that no event is larger than a commit
/// group may be.
const FILES_BYTES_MAX: usize = 64 * 1024;

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Commits in the store, of those that the repository has now.
    pub(crate) done: u64,
    /// Commits that the repository has now.
    pub(crate) total: u64,
}

/// How an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) progress: Progress,
    /// Commits that this import added.
    pub(crate) added: u64,
    /// It was told to stop, and more commits are there to read.
    pub(crate) is_stopped: bool,
}

/// Reads what the store does not hold yet, until the end or until it is told to stop.
///
/// # Errors
/// The store holds another repository's history, or git or the store fails. What was read before stays.
pub(crate) fn import(
    store: &Store<History>,
    repository: &GitRepository,
    is_stopped: &AtomicBool,
    mut on_progress: impl FnMut(Progress),
) -> Result<Summary, Failure> {
    let bound = store.query(&Repository::query().first())?;
    if let Some(bound) = &bound
        && !repository.has_commit(&bound.first_commit)?
    {
        let (store_id, location) = (store.store_id(), repository.location());
        return Err(Failure::new(format!(
            "store `{store_id}` holds the history of {}, `{location}` has another one; import it with another `--store NAME`",
            bound.path
        )));
    }
    let (wanted, mut progress) = list(store, repository)?;
    if let Some(event) = choose(repository, bound.as_ref(), wanted.first()) {
        store.commit(event)?;
    }
    on_progress(progress);
    let known = progress.done;
    let log = repository.log(wanted);
    let mut on_committed = |commits| {
        progress.done += commits;
        on_progress(progress);
    };
    let mut reader = Reader { log, batches: Batches::new(store, &mut on_committed), next: None };
    // What is whole already is kept, also where the reading fails.
    let read = reader.read_all(is_stopped);
    reader.batches.finish()?;
    read?;
    Ok(Summary { progress, added: progress.done - known, is_stopped: progress.done < progress.total })
}

/// The commits to read, and how many are there already.
fn list(store: &Store<History>, repository: &GitRepository) -> Result<(Vec<String>, Progress), Failure> {
    let known: HashSet<String> = store.query(&Commit::query().select(|t| t.oid))?.into_iter().collect();
    let mut progress = Progress { done: 0, total: 0 };
    let mut wanted = Vec::new();
    repository.commit_ids(|id| {
        progress.total += 1;
        if known.contains(&id) {
            progress.done += 1;
        } else {
            wanted.push(id);
        }
    })?;
    Ok((wanted, progress))
}

/// Ties the store to the repository at the first import, and follows it when it was moved.
fn choose(
    repository: &GitRepository,
    bound: Option<&Repository>,
    first_wanted: Option<&String>,
) -> Option<RepositoryChosen> {
    let path = repository.location();
    let first_commit = match bound {
        Some(bound) if bound.path == path => return None,
        Some(bound) => bound.first_commit.clone(),
        None => first_wanted?.clone(),
    };
    Some(RepositoryChosen { path, first_commit })
}

/// Puts the pieces of the log together into events.
struct Reader<'a> {
    log: Log,
    batches: Batches<'a>,
    /// The commit whose line was read last: it comes after the one that is put together.
    next: Option<CommitHeader>,
}

impl Reader<'_> {
    fn read_all(&mut self, is_stopped: &AtomicBool) -> Result<(), Failure> {
        if let Some(Piece::File(file)) = self.log.next_piece(&mut self.next)? {
            return Err(Failure::new(format!("git names the file `{}` before any commit", file.path)));
        }
        while let Some(header) = self.next.take() {
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            self.read_commit(header)?;
        }
        Ok(())
    }

    fn read_commit(&mut self, header: CommitHeader) -> Result<(), Failure> {
        let (mut files, mut bytes, mut earlier_files) = (Vec::new(), 0, 0);
        while let Some(Piece::File(file)) = self.log.next_piece(&mut self.next)? {
            bytes += file_bytes(&file);
            files.push(file);
            if bytes > FILES_BYTES_MAX {
                earlier_files += files.len() as u64;
                let part = FilesRead { commit: header.id.clone(), files: std::mem::take(&mut files) };
                self.batches.push_files(part, std::mem::take(&mut bytes))?;
            }
        }
        self.batches.push_commit(commit_read(header, earlier_files, files), bytes)
    }
}

impl Log {
    /// The next file, or the beginning of the next commit, which is put aside; `None` at the end as well.
    fn next_piece(&mut self, next: &mut Option<CommitHeader>) -> Result<Option<Piece>, Failure> {
        match self.next()? {
            Some(Piece::Commit(header)) => {
                *next = Some(header);
                Ok(None)
            }
            piece => Ok(piece),
        }
    }
}

fn commit_read(header: CommitHeader, earlier_files: u64, files: Vec<FileChange>) -> CommitRead {
    let CommitHeader { id, parents, author, email, authored_at, offset_minutes, subject } = header;
    CommitRead { id, parents, author, email, authored_at, offset_minutes, subject, earlier_files, files }
}
