//! What the commands and the screen ask.

use crate::schema::{Author, Commit, File, Month};
use livestore::{FromRow, Query, RawQuery, Table, sql_query};

/// Authors with the most commits; equal ones by name.
pub(crate) fn authors(limit: u32) -> Query<Author, Vec<Author>> {
    Author::query().order_by(|t| (t.commits.desc(), t.name.asc())).limit(limit)
}

/// Files that most commits touched; equal ones by path.
pub(crate) fn files(limit: u32) -> Query<File, Vec<File>> {
    File::query().order_by(|t| (t.changes.desc(), t.path.asc())).limit(limit)
}

/// Months that have commits, oldest first.
pub(crate) fn months() -> Query<Month, Vec<Month>> {
    Month::query().order_by(|t| t.month.asc())
}

/// A commit as a list shows it.
#[derive(Clone, Debug, PartialEq, FromRow, serde::Serialize)]
pub(crate) struct Found {
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

/// Commits in whose message line or author every word occurs, or whose id begins with it; those read last come first.
pub(crate) fn search(text: &str, limit: u32) -> RawQuery<Vec<Found>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut conditions = String::new();
    let mut binds = Vec::new();
    for word in words {
        let joint = if conditions.is_empty() { " WHERE " } else { " AND " };
        conditions.push_str(joint);
        conditions.push_str(r"(subject LIKE ? ESCAPE '\' OR author LIKE ? ESCAPE '\' OR oid LIKE ? ESCAPE '\')");
        let word = escaped(word);
        binds.extend([format!("%{word}%"), format!("%{word}%"), format!("{word}%")]);
    }
    // The limit is a number of ours: the text holds no data.
    sql_query(
        format!(
            "SELECT oid, author, email, authored_at, offset_minutes, subject, parents, files, added, deleted \
             FROM {}{conditions} ORDER BY number DESC LIMIT {limit}",
            Commit::NAME
        ),
        binds,
    )
}

/// A word as a `LIKE` pattern that matches itself alone.
fn escaped(word: &str) -> String {
    word.chars().flat_map(|char| matches!(char, '%' | '_' | '\\').then_some('\\').into_iter().chain([char])).collect()
}
