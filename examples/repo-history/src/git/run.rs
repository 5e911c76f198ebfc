//! Running the `git` program, and saying in one line why it failed.

use super::GitError;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// The most of git's complaints that is kept.
const STDERR_BYTES_MAX: u64 = 16 * 1024;

/// What `git rev-parse --local-env-vars` lists: set inside a hook, they would name another repository than the one asked for.
const LOCAL_VARIABLES: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// A git command in this folder, whose messages are English and plain.
pub(super) fn git(path: &Path) -> Command {
    let mut command = Command::new("git");
    for name in LOCAL_VARIABLES {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
    command.arg("-C").arg(path);
    command.stdin(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0); // Ctrl-C is for us; we end git.
    command
}

/// Runs a short command and gives back what it wrote.
pub(super) fn run(path: &Path, args: &[&str]) -> Result<String, GitError> {
    let output = git(path).args(args).output().map_err(spawn_error)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(GitError(explain(path, &String::from_utf8_lossy(&output.stderr))))
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
pub(super) fn spawn_error(error: std::io::Error) -> GitError {
    GitError(match error.kind() {
        std::io::ErrorKind::NotFound => "`git` was not found; install git, or put it on your PATH".into(),
        _ => format!("`git` could not be started: {error}"),
    })
}

/// git's complaint in one line, with what to do where that is known.
fn explain(path: &Path, stderr: &str) -> String {
    let shown = path.display();
    if stderr.contains("dubious ownership") {
        return format!(
            "git does not trust `{shown}`, it belongs to another user; if you do, run `git config --global --add safe.directory '{shown}'`"
        );
    }
    if stderr.contains("not a git repository") {
        return format!("`{shown}` is not a git repository; give the folder of one");
    }
    format!("git cannot read `{shown}`: {}", complaint(stderr))
}

fn complaint(stderr: &str) -> String {
    let is_told = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
    let line = stderr.lines().find(is_told).or_else(|| stderr.lines().next()).unwrap_or("it does not say why");
    line.trim_start_matches("fatal: ").trim_start_matches("error: ").trim_end_matches('.').to_owned()
}

/// A git that runs, with what it complains about.
#[derive(Debug)]
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<String>>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, GitError> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(spawn_error)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(GitError("`git` was started without pipes".into()));
        };
        // On a thread of its own: git stops while its complaints are not read.
        let complaints = std::thread::spawn(move || {
            let (mut kept, mut stderr) = (Vec::new(), stderr);
            let _ = (&mut stderr).take(STDERR_BYTES_MAX).read_to_end(&mut kept);
            let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            String::from_utf8_lossy(&kept).into_owned()
        });
        Ok(Self { child, stdout: BufReader::with_capacity(1 << 16, stdout), complaints: Some(complaints) })
    }

    /// Reads up to and without `end`; false where git ended, and ended well.
    fn read_until(&mut self, end: u8, to: &mut Vec<u8>) -> Result<bool, GitError> {
        to.clear();
        self.stdout.read_until(end, to).map_err(|error| GitError(format!("git's answer cannot be read: {error}")))?;
        if to.last() == Some(&end) {
            to.pop();
            return Ok(true);
        }
        let status = self.child.wait().map_err(spawn_error)?;
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if !status.success() {
            return Err(GitError(format!("git failed while it read the history: {}", complaint(&complaints))));
        }
        Ok(!to.is_empty())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It has ended already, or nobody reads it any more.
        let _ = self.child.wait();
    }
}

/// The lines of a command's answer.
#[derive(Debug)]
pub(super) struct Lines(Running, Vec<u8>);

impl Lines {
    pub(super) fn start(command: &mut Command) -> Result<Self, GitError> {
        Ok(Self(Running::start(command)?, Vec::new()))
    }

    pub(super) fn next(&mut self) -> Result<Option<String>, GitError> {
        let is_there = self.0.read_until(b'\n', &mut self.1)?;
        Ok(is_there.then(|| String::from_utf8_lossy(&self.1).into_owned()))
    }
}

/// The NUL-ended tokens of a command's answer, to lines that it is given.
#[derive(Debug)]
pub(super) struct Tokens(Running, Vec<u8>);

impl Tokens {
    pub(super) fn start(command: &mut Command, input: Vec<String>) -> Result<Self, GitError> {
        let mut running = Running::start(command.stdin(Stdio::piped()))?;
        let stdin = running.child.stdin.take();
        // On a thread of its own, and without an error: a git that fails stops reading, and says itself why.
        std::thread::spawn(move || {
            let mut stdin = std::io::BufWriter::new(stdin?);
            input.iter().try_for_each(|line| writeln!(stdin, "{line}")).and_then(|()| stdin.flush()).ok()
        });
        Ok(Self(running, Vec::new()))
    }

    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, GitError> {
        let is_there = self.0.read_until(0, &mut self.1)?;
        Ok(is_there.then_some(&self.1[..]))
    }
}
