//! What `git log -z --numstat` writes, taken apart. Pure: bytes in, pieces out.
//!
//! A commit is a run of fields that end in NUL, the first of them its id; then come its files, `added TAB deleted TAB path`,
//! and for a rename an empty path and then the old and the new one. No file line looks like an id: it has tabs.

use super::{CommitHeader, GitError};
use crate::schema::FileChange;

/// What git is asked to write of each commit, in this order; each is ended by NUL.
pub(super) const FORMAT: &str = "--format=tformat:%H%x00%P%x00%aN%x00%aE%x00%ad%x00%s%x00";
const FIELDS: usize = 6;
/// The longest texts that are kept, in characters. Longer ones do occur (a message with no line break), and an event has a bound.
const TEXT_CHARS_MAX: usize = 500;
const PATH_CHARS_MAX: usize = 4_000;
/// More parents than any sane merge has.
const PARENTS_MAX: usize = 500;
/// Integers up to here are the same in every JSON reader.
const NUMBER_MAX: i64 = 1 << 53;

/// One piece of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// A commit begins.
    Commit(CommitHeader),
    /// A file of the commit that began last.
    File(FileChange),
}

/// Takes the log apart, one NUL-ended token after the other.
#[derive(Debug, Default)]
pub(crate) struct LogParser {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// An id or a file comes next.
    #[default]
    Between,
    Header(Vec<String>),
    RenameFrom {
        added: Option<i64>,
        deleted: Option<i64>,
    },
    RenameTo {
        added: Option<i64>,
        deleted: Option<i64>,
        from: String,
    },
}

impl LogParser {
    /// Takes the next token, without its NUL.
    ///
    /// # Errors
    /// It is nothing that git writes here.
    pub(crate) fn token(&mut self, token: &[u8]) -> Result<Option<Piece>, GitError> {
        match std::mem::take(&mut self.state) {
            State::Between => self.between(token),
            State::Header(fields) => Ok(self.header(fields, token)),
            State::RenameFrom { added, deleted } => {
                self.state = State::RenameTo { added, deleted, from: path(token) };
                Ok(None)
            }
            State::RenameTo { added, deleted, from } => {
                Ok(Some(Piece::File(FileChange { path: path(token), from: Some(from), added, deleted })))
            }
        }
    }

    /// The log is over.
    ///
    /// # Errors
    /// It ended inside a commit.
    pub(crate) fn finish(&self) -> Result<(), GitError> {
        match self.state {
            State::Between => Ok(()),
            State::Header(_) | State::RenameFrom { .. } | State::RenameTo { .. } => {
                Err(GitError("git's log ended in the middle of a commit; run the import again".into()))
            }
        }
    }

    fn between(&mut self, token: &[u8]) -> Result<Option<Piece>, GitError> {
        // The files of a commit begin on a new line.
        let token = token.strip_prefix(b"\n").unwrap_or(token);
        if token.is_empty() {
            return Ok(None);
        }
        if is_id(token) {
            self.state = State::Header(vec![text(token, TEXT_CHARS_MAX)]);
            return Ok(None);
        }
        let mut parts = token.splitn(3, |byte| *byte == b'\t');
        let (Some(added), Some(deleted), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(unexpected(token));
        };
        let (added, deleted) = (lines(added, token)?, lines(deleted, token)?);
        if name.is_empty() {
            self.state = State::RenameFrom { added, deleted };
            return Ok(None);
        }
        Ok(Some(Piece::File(FileChange { path: path(name), from: None, added, deleted })))
    }

    fn header(&mut self, mut fields: Vec<String>, token: &[u8]) -> Option<Piece> {
        let chars_max = if fields.len() == 1 { usize::MAX } else { TEXT_CHARS_MAX }; // The parents are cut below.
        fields.push(text(token, chars_max));
        if fields.len() < FIELDS {
            self.state = State::Header(fields);
            return None;
        }
        let mut fields = fields.into_iter();
        let mut next = || fields.next().unwrap_or_default();
        let (id, parents, author, email, date, subject) = (next(), next(), next(), next(), next(), next());
        let (authored_at, offset_minutes) = raw_date(&date);
        let parents = parents.split_ascii_whitespace().take(PARENTS_MAX).map(str::to_owned).collect();
        Some(Piece::Commit(CommitHeader { id, parents, author, email, authored_at, offset_minutes, subject }))
    }
}

fn is_id(token: &[u8]) -> bool {
    matches!(token.len(), 40 | 64) && token.iter().all(u8::is_ascii_hexdigit)
}

/// A count of lines; `-` stands for a binary file.
fn lines(number: &[u8], token: &[u8]) -> Result<Option<i64>, GitError> {
    if number == b"-" {
        return Ok(None);
    }
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<i64>().ok());
    number.map(|number| Some(number.clamp(0, NUMBER_MAX))).ok_or_else(|| unexpected(token))
}

fn unexpected(token: &[u8]) -> GitError {
    let start = String::from_utf8_lossy(&token[..token.len().min(60)]).escape_debug().to_string();
    GitError(format!("git's log has an entry that is not understood: `{start}`"))
}

/// Text that is no UTF-8 is kept with marks where it is not.
fn text(bytes: &[u8], chars_max: usize) -> String {
    cut(String::from_utf8_lossy(bytes).into_owned(), chars_max)
}

/// A path is an identity: bytes that are no UTF-8 are written out, so that different paths stay different.
fn path(bytes: &[u8]) -> String {
    let mut path = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        path.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| path.push_str(&format!("\\x{byte:02x}")));
    }
    cut(path, PATH_CHARS_MAX)
}

fn cut(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// `1700000000 +0130`; what a broken commit says instead counts as 1970, in UTC, as git has it.
fn raw_date(date: &str) -> (i64, i32) {
    let (seconds, offset) = date.split_once(' ').unwrap_or((date, ""));
    let seconds = seconds.parse::<i64>().unwrap_or(0).clamp(-NUMBER_MAX, NUMBER_MAX);
    let minutes = offset.parse::<i32>().map_or(0, |offset| offset / 100 * 60 + offset % 100);
    (seconds, if minutes.abs() <= 24 * 60 { minutes } else { 0 })
}

#[cfg(test)]
mod tests;
