//! Reads a repository through the `git` program: it knows every format and setting that a repository can have.

mod parse;
mod run;

pub(crate) use parse::Piece;
use parse::{FORMAT, LogParser};
use run::{Lines, Tokens, git, run, spawn_error};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is wrong with a repository, in one line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GitError(pub(crate) String);

impl std::fmt::Display for GitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit without its files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CommitHeader {
    pub(crate) id: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: String,
    pub(crate) email: String,
    pub(crate) authored_at: i64,
    pub(crate) offset_minutes: i32,
    pub(crate) subject: String,
}

/// A repository that git can read.
#[derive(Clone, Debug)]
pub(crate) struct GitRepository {
    path: PathBuf,
    /// Where its objects are: the same for all its worktrees.
    common_dir: PathBuf,
    is_shallow: bool,
}

impl GitRepository {
    /// Finds the repository that holds this path, as git does: a worktree or a folder in one, or a bare repository.
    ///
    /// # Errors
    /// There is no such folder, no repository, no git, or git refuses it.
    pub(crate) fn open(path: &Path) -> Result<Self, GitError> {
        let shown = path.display();
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(GitError(format!("`{shown}` does not exist; give the folder of a git repository")));
            }
            Err(error) => return Err(GitError(format!("`{shown}` cannot be read: {error}"))),
            Ok(data) if !data.is_dir() => {
                return Err(GitError(format!("`{shown}` is a file; give the folder of a git repository")));
            }
            Ok(_) => {}
        }
        let said = run(path, &["rev-parse", "--git-common-dir", "--is-shallow-repository"])?;
        let mut lines = said.lines();
        let common_dir = path.join(lines.next().unwrap_or_default());
        let common_dir = std::fs::canonicalize(&common_dir)
            .map_err(|error| GitError(format!("`{}` cannot be read: {error}", common_dir.display())))?;
        Ok(Self { path: path.to_owned(), common_dir, is_shallow: lines.next() == Some("true") })
    }

    /// Where the repository is: one text for all its worktrees and folders.
    pub(crate) fn location(&self) -> String {
        let is_inside = self.common_dir.file_name().is_some_and(|name| name == ".git");
        let shown = if is_inside { self.common_dir.parent().unwrap_or(&self.common_dir) } else { &self.common_dir };
        shown.display().to_string()
    }

    /// Whether older history was left out when it was cloned.
    pub(crate) fn is_shallow(&self) -> bool {
        self.is_shallow
    }

    /// Whether the repository has this commit.
    ///
    /// # Errors
    /// git cannot be run.
    pub(crate) fn has_commit(&self, id: &str) -> Result<bool, GitError> {
        let mut command = git(&self.path);
        command.args(["cat-file", "-e", &format!("{id}^{{commit}}")]).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status().map_err(spawn_error)?.success())
    }

    /// The ids of all commits that `HEAD` reaches, oldest first; none where there is no commit yet.
    ///
    /// # Errors
    /// git fails on the way: a broken repository.
    pub(crate) fn commit_ids(&self, mut each: impl FnMut(String)) -> Result<(), GitError> {
        if !self.has_head()? {
            return Ok(());
        }
        let mut ids = Lines::start(git(&self.path).args(["rev-list", "--reverse", "HEAD", "--"]))?;
        while let Some(id) = ids.next()? {
            each(id);
        }
        Ok(())
    }

    /// Whether `HEAD` names a commit. A new repository has none, which is no error.
    fn has_head(&self) -> Result<bool, GitError> {
        let mut command = git(&self.path);
        command.args(["rev-parse", "--verify", "--quiet", "HEAD"]).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status().map_err(spawn_error)?.success())
    }

    /// Reads these commits with their files, in this order.
    pub(crate) fn log(&self, ids: Vec<String>) -> Log {
        Log { path: self.path.clone(), ids: ids.into_iter(), tokens: None, parser: LogParser::default() }
    }
}

/// Commits that one `git log` is asked for: it keeps all of them in memory.
const IDS_MAX: usize = 20_000;

/// A running `git log`; dropping it ends git.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    ids: std::vec::IntoIter<String>,
    tokens: Option<Tokens>,
    parser: LogParser,
}

impl Log {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// git fails, or writes what is not understood.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, GitError> {
        loop {
            let Some(tokens) = &mut self.tokens else {
                // Asked for nothing, git would show HEAD.
                let ids: Vec<String> = self.ids.by_ref().take(IDS_MAX).collect();
                if ids.is_empty() {
                    return Ok(None);
                }
                self.tokens = Some(Tokens::start(&mut log_command(&self.path), ids)?);
                continue;
            };
            let Some(token) = tokens.next()? else {
                self.parser.finish()?;
                self.tokens = None;
                continue;
            };
            if let Some(piece) = self.parser.token(token)? {
                return Ok(Some(piece));
            }
        }
    }
}

fn log_command(path: &Path) -> Command {
    let mut command = git(path);
    command.args(["log", "--no-walk=unsorted", "--stdin", "-z", "--numstat", FORMAT, "--date=raw"]);
    // A user's settings must not change what is read: colours, signatures, notes, external programs, orders.
    command.args(["--no-color", "--no-show-signature", "--no-notes", "--no-ext-diff", "--no-textconv"]);
    command.args([
        "--encoding=UTF-8",
        "--find-renames",
        "--ignore-submodules=none",
        "--submodule=short",
        "-O/dev/null",
    ]);
    command
}
