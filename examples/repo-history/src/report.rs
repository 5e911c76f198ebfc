//! What the commands print.

use crate::failure::Failure;
use crate::queries::{self, Found};
use crate::schema::{Author, File, History, Month, Repository, day_of};
use crate::text::{counted, grouped, plain};
use livestore::{Query, Store, Table};
use serde::Serialize;

#[derive(Serialize)]
struct Top {
    commits: i64,
    authors: Vec<TopAuthor>,
    files: Vec<TopFile>,
}

#[derive(Serialize)]
struct TopAuthor {
    name: String,
    commits: i64,
}

#[derive(Serialize)]
struct TopFile {
    path: String,
    changes: i64,
}

#[derive(Serialize)]
struct MonthCount {
    month: String,
    commits: i64,
}

fn repository() -> Query<Repository, livestore::First<Repository>> {
    Repository::query().first()
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// Commits, top authors and hot files as JSON, all of one moment.
pub(crate) fn top_json(store: &Store<History>, limit: u32) -> Result<String, Failure> {
    let top = store.read(|cx| {
        let authors = cx.query(&queries::authors(limit))?;
        let files = cx.query(&queries::files(limit))?;
        Ok::<_, Failure>(Top {
            commits: cx.query(&repository())?.map_or(0, |it| it.commits),
            authors: authors.into_iter().map(|Author { name, commits, .. }| TopAuthor { name, commits }).collect(),
            files: files.into_iter().map(|File { path, changes, .. }| TopFile { path, changes }).collect(),
        })
    })?;
    json(&top)
}

/// The same for people.
pub(crate) fn top(store: &Store<History>, limit: u32) -> Result<String, Failure> {
    let Some(it) = store.query(&repository())? else { return Ok(nothing_yet(store)) };
    let authors = store.query(&Author::query().count())?;
    let files = store.query(&File::query().count())?;
    let mut text = format!(
        "{}: {} by {}, {}, +{} -{} lines\n",
        plain(&it.path),
        counted(it.commits, "commit", "commits"),
        counted(authors, "author", "authors"),
        counted(files, "file", "files"),
        grouped(it.added),
        grouped(it.deleted),
    );
    text += "\n  commits  author\n";
    for Author { name, commits, .. } in store.query(&queries::authors(limit))? {
        text += &format!("{:>9}  {}\n", grouped(commits), plain(&name));
    }
    text += "\n  changes  file\n";
    for File { path, changes, .. } in store.query(&queries::files(limit))? {
        text += &format!("{:>9}  {}\n", grouped(changes), plain(&path));
    }
    Ok(text)
}

fn nothing_yet(store: &Store<History>) -> String {
    format!("store `{}` is empty; run `repo-history import REPO` first\n", store.store_id())
}

/// Commits by month as JSON.
pub(crate) fn months_json(store: &Store<History>) -> Result<String, Failure> {
    let months = store.query(&queries::months())?;
    json(&months.into_iter().map(|Month { month, commits }| MonthCount { month, commits }).collect::<Vec<_>>())
}

/// The same for people, with bars.
pub(crate) fn months(store: &Store<History>) -> Result<String, Failure> {
    let months = store.query(&queries::months())?;
    let most = months.iter().map(|month| month.commits).max().unwrap_or(0);
    if most == 0 {
        return Ok(nothing_yet(store));
    }
    let line = |Month { month, commits }: &Month| {
        let bar = "█".repeat((commits * 50 / most) as usize);
        format!("{month} {:>9}  {bar}", grouped(*commits)).trim_end().to_owned() + "\n"
    };
    Ok(months.iter().map(line).collect())
}

/// Found commits as JSON.
pub(crate) fn search_json(store: &Store<History>, text: &str, limit: u32) -> Result<String, Failure> {
    json(&store.query(&queries::search(text, limit))?)
}

/// The same for people, one commit a line.
pub(crate) fn search(store: &Store<History>, text: &str, limit: u32) -> Result<String, Failure> {
    let line = |found: &Found| {
        let day = day_of(found.authored_at, found.offset_minutes as i32);
        let id = found.oid.get(..10).unwrap_or(&found.oid);
        format!("{day} {id} {}: {}\n", plain(&found.author), plain(&found.subject))
    };
    let found = store.query(&queries::search(text, limit))?;
    if found.is_empty() {
        return Ok(format!("no commit has `{}`\n", plain(text)));
    }
    Ok(found.iter().map(line).collect())
}
