//! The contract: what is recorded of a repository, and the tables that follow from it.
//!
//! Events are facts as git told them. The tables are sums over them: `top` reads a few rows, however long the history is.

use livestore::{
    IntoWrites, MaterializeCx, Result, Table, Upsert, Writes, event, materializers, schema, sql_write, table,
};
use serde::{Deserialize, Serialize};

mod month;

pub(crate) use month::{day_of, month_of};

/// The store belongs to this repository from now on; again when the repository was found at another path.
#[event("v1.RepositoryChosen")]
pub(crate) struct RepositoryChosen {
    /// Where it is.
    pub(crate) path: String,
    /// Its oldest commit at the first import: a repository that lacks it has another history.
    pub(crate) first_commit: String,
}

/// Some files of a commit that has more than fit into one event; its [`CommitRead`] follows.
#[event("v1.FilesRead")]
pub(crate) struct FilesRead {
    /// The commit's id.
    pub(crate) commit: String,
    /// Files that no other event of the commit names.
    pub(crate) files: Vec<FileChange>,
}

/// A commit was read whole.
#[event("v1.CommitRead")]
pub(crate) struct CommitRead {
    /// The commit's id in hex.
    pub(crate) id: String,
    /// The ids of its parents; two or more make a merge.
    pub(crate) parents: Vec<String>,
    /// The author's name, as the repository's mailmap has it.
    pub(crate) author: String,
    /// The author's address, as the repository's mailmap has it.
    pub(crate) email: String,
    /// When it was written, in seconds since 1970.
    pub(crate) authored_at: i64,
    /// How far the author's clock was ahead of UTC.
    pub(crate) offset_minutes: i32,
    /// The first line of its message.
    pub(crate) subject: String,
    /// How many files [`FilesRead`] events have named before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) earlier_files: u64,
    /// The other files that it changed.
    pub(crate) files: Vec<FileChange>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a commit did to a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileChange {
    /// Its path after the commit.
    pub(crate) path: String,
    /// Its path before, where the commit renamed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// Lines added; absent for a binary file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) added: Option<i64>,
    /// Lines deleted; absent for a binary file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<i64>,
}

/// The repository of this store: one row, and the sums over all its commits.
#[table("repository")]
pub(crate) struct Repository {
    /// Always 1.
    #[column(primary_key)]
    pub(crate) id: i64,
    pub(crate) path: String,
    pub(crate) first_commit: String,
    pub(crate) commits: i64,
    pub(crate) added: i64,
    pub(crate) deleted: i64,
}

/// One commit, in the order of reading.
#[table("commits")]
pub(crate) struct Commit {
    #[column(primary_key)]
    pub(crate) number: i64,
    #[column(unique)]
    pub(crate) oid: String,
    pub(crate) author: String,
    pub(crate) email: String,
    pub(crate) authored_at: i64,
    pub(crate) offset_minutes: i64,
    pub(crate) subject: String,
    pub(crate) parents: i64,
    pub(crate) files: i64,
    pub(crate) added: i64,
    pub(crate) deleted: i64,
}

/// One author, by name.
#[table("authors")]
pub(crate) struct Author {
    #[column(primary_key)]
    pub(crate) name: String,
    pub(crate) commits: i64,
    pub(crate) added: i64,
    pub(crate) deleted: i64,
}

/// One path, and how many commits touched it.
#[table("files")]
pub(crate) struct File {
    #[column(primary_key)]
    pub(crate) path: String,
    pub(crate) changes: i64,
    pub(crate) added: i64,
    pub(crate) deleted: i64,
}

/// One month of the authors' calendars, as `2024-02`.
#[table("months")]
pub(crate) struct Month {
    #[column(primary_key)]
    pub(crate) month: String,
    pub(crate) commits: i64,
}

/// Files of a commit that is not read whole yet; they count when it is.
#[table("pending_files", primary_key(commit_id, path))]
pub(crate) struct PendingFile {
    pub(crate) commit_id: String,
    pub(crate) path: String,
    pub(crate) added: i64,
    pub(crate) deleted: i64,
}

/// The schema.
#[schema(events(RepositoryChosen, FilesRead, CommitRead), tables(Repository, Commit, Author, File, Month, PendingFile))]
pub(crate) struct History;

#[materializers]
impl History {
    fn repository_chosen(RepositoryChosen { path, first_commit }: RepositoryChosen) -> impl IntoWrites {
        Repository { id: 1, path, first_commit, commits: 0, added: 0, deleted: 0 }
            .insert()
            .on_conflict(|t| t.id)
            .update(|t, new| t.path.to(new.path))
    }

    fn files_read(FilesRead { commit, files }: FilesRead) -> impl IntoWrites {
        pending_rows(&commit, files)
    }

    /// A commit that is there already changes nothing, so that no second reading counts twice.
    fn commit_read(event: CommitRead, cx: &MaterializeCx<'_>) -> Result<Writes> {
        let mut writes = Writes::default();
        if cx.query(Commit::query().filter(|t| t.oid.eq(&event.id)).exists())? {
            return Ok(writes);
        }
        let (files, added, deleted) = match event.earlier_files {
            0 => count_files(event.files, &mut writes)?,
            _ => count_parts(&event.id, event.files, cx, &mut writes)?,
        };
        sql_write(COUNT_COMMIT, (added, deleted)).into_writes(&mut writes)?;
        sql_write(COUNT_AUTHOR, (&event.author, added, deleted)).into_writes(&mut writes)?;
        sql_write(COUNT_MONTH, (month_of(event.authored_at, event.offset_minutes),)).into_writes(&mut writes)?;
        let last = cx.query(Commit::query().order_by(|t| t.number.desc()).select(|t| t.number).first())?;
        let commit = Commit {
            number: last.unwrap_or(0) + 1,
            oid: event.id,
            author: event.author,
            email: event.email,
            authored_at: event.authored_at,
            offset_minutes: event.offset_minutes.into(),
            subject: event.subject,
            parents: event.parents.len() as i64,
            files,
            added,
            deleted,
        };
        commit.insert().into_writes(&mut writes)?;
        Ok(writes)
    }
}

/// The files of a commit that is not read whole yet. An import that was ended in the middle names them again: once is enough.
fn pending_rows(commit_id: &str, files: Vec<FileChange>) -> Vec<Upsert<PendingFile>> {
    let row = |file: FileChange| PendingFile {
        commit_id: commit_id.to_owned(),
        path: file.path,
        added: file.added.unwrap_or(0),
        deleted: file.deleted.unwrap_or(0),
    };
    files.into_iter().map(|file| row(file).insert().on_conflict(|t| (t.commit_id, t.path)).ignore()).collect()
}

/// Counts files one by one; gives back how many, and their lines.
fn count_files(files: Vec<FileChange>, writes: &mut Writes) -> Result<(i64, i64, i64)> {
    let (count, mut added, mut deleted) = (files.len() as i64, 0, 0);
    for FileChange { path, added: plus, deleted: minus, .. } in files {
        let (plus, minus) = (plus.unwrap_or(0), minus.unwrap_or(0));
        (added, deleted) = (added + plus, deleted + minus);
        sql_write(COUNT_FILE, (path, plus, minus)).into_writes(writes)?;
    }
    Ok((count, added, deleted))
}

/// The same with the files that came before; the last ones join them, so that none counts twice.
fn count_parts(
    id: &str,
    files: Vec<FileChange>,
    cx: &MaterializeCx<'_>,
    writes: &mut Writes,
) -> Result<(i64, i64, i64)> {
    for row in pending_rows(id, files) {
        cx.write(row)?;
    }
    let pending = PendingFile::query().filter(|t| t.commit_id.eq(id));
    let lines = cx.query(pending.select(|t| (t.added, t.deleted)))?;
    sql_write(COUNT_PENDING, (id,)).into_writes(writes)?;
    PendingFile::delete().filter(|t| t.commit_id.eq(id)).into_writes(writes)?;
    let sum = |of: fn(&(i64, i64)) -> i64| lines.iter().map(of).sum();
    Ok((lines.len() as i64, sum(|line| line.0), sum(|line| line.1)))
}

// One text for each count: a statement is compiled once, and this one runs for every file of every commit.
const COUNT_FILE: &str = "INSERT INTO files (path, changes, added, deleted) VALUES (?, 1, ?, ?) \
    ON CONFLICT (path) DO UPDATE SET changes = changes + 1, added = added + excluded.added, \
    deleted = deleted + excluded.deleted";
const COUNT_PENDING: &str = "INSERT INTO files (path, changes, added, deleted) \
    SELECT path, 1, added, deleted FROM pending_files WHERE commit_id = ? \
    ON CONFLICT (path) DO UPDATE SET changes = changes + 1, added = added + excluded.added, \
    deleted = deleted + excluded.deleted";
const COUNT_COMMIT: &str =
    "UPDATE repository SET commits = commits + 1, added = added + ?, deleted = deleted + ? WHERE id = 1";
const COUNT_AUTHOR: &str = "INSERT INTO authors (name, commits, added, deleted) VALUES (?, 1, ?, ?) \
    ON CONFLICT (name) DO UPDATE SET commits = commits + 1, added = added + excluded.added, \
    deleted = deleted + excluded.deleted";
const COUNT_MONTH: &str = "INSERT INTO months (month, commits) VALUES (?, 1) \
    ON CONFLICT (month) DO UPDATE SET commits = commits + 1";

#[cfg(test)]
mod tests;
