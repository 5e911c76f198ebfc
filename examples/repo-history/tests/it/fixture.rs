use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory with a repository and a place for stores.
pub(crate) struct Fixture {
    pub(crate) root: TempDir,
}

impl Fixture {
    /// An empty repository.
    pub(crate) fn new() -> Self {
        let fixture = Self { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(fixture.repo()).unwrap();
        fixture.git(&["init", "--quiet", "--initial-branch=main"]);
        fixture
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_as("Ann Lee", args)
    }

    /// Runs git in the repository with no settings but its own.
    pub(crate) fn git_as(&self, author: &str, args: &[&str]) -> String {
        let mut command = git(&self.repo());
        let output = command.env("GIT_AUTHOR_NAME", author).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.repo().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn commit(&self, author: &str, message: &str) {
        self.git(&["add", "--all"]);
        self.git_as(author, &["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    /// Feeds a stream to `git fast-import`.
    pub(crate) fn fast_import(&self, stream: &[u8]) {
        let mut command = git(&self.repo());
        let mut child = command.args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stream).unwrap();
        assert!(child.wait().unwrap().success());
    }

    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_repo-history"));
        isolate(&mut command);
        command.arg("--dir").arg(self.dir());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.program().args(args).output().unwrap()
    }

    /// What the program prints when it succeeds.
    #[track_caller]
    pub(crate) fn said(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn import(&self) -> String {
        self.said(&["import", self.repo().to_str().unwrap()])
    }

    /// The one line of a command that fails.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str]) -> String {
        one_line(&self.run(args))
    }

    #[track_caller]
    pub(crate) fn top(&self) -> Top {
        let json = self.said(&["top", "--json", "--limit", "1000000"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        let pairs = |list: &str, name: &str, count: &str| {
            let pair = |it: &Value| (it[count].as_i64().unwrap(), it[name].as_str().unwrap().to_owned());
            json[list].as_array().unwrap().iter().map(pair).collect::<Vec<_>>()
        };
        Top {
            commits: json["commits"].as_i64().unwrap(),
            authors: pairs("authors", "name", "commits"),
            files: pairs("files", "path", "changes"),
        }
    }

    /// The same, counted by plain git commands.
    pub(crate) fn top_by_git(&self) -> Top {
        Top {
            commits: self.git(&["rev-list", "--count", "HEAD"]).trim().parse().unwrap(),
            authors: counted(self.git(&["log", "--format=%aN"]).lines()),
            files: counted(
                self.git(&["log", "-z", "--format=", "--name-only"]).split('\0').filter(|it| !it.is_empty()),
            ),
        }
    }

    #[track_caller]
    pub(crate) fn check_against_git(&self) {
        assert_eq!(self.top(), self.top_by_git());
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Top {
    pub(crate) commits: i64,
    pub(crate) authors: Vec<(i64, String)>,
    pub(crate) files: Vec<(i64, String)>,
}

/// Names with how often they occur: most first, then by name.
fn counted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(i64, String)> {
    let mut counts = BTreeMap::new();
    names.for_each(|name| *counts.entry(name.to_owned()).or_insert(0) += 1);
    let mut counts: Vec<_> = counts.into_iter().map(|(name, count)| (count, name)).collect();
    counts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    counts
}

#[track_caller]
pub(crate) fn one_line(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr.trim_end().to_owned()
}

pub(crate) fn git(repo: &Path) -> Command {
    let mut command = Command::new("git");
    isolate(&mut command);
    command.arg("-C").arg(repo).args(["-c", "user.name=Committer", "-c", "user.email=c@example.com"]);
    command.args(["-c", "protocol.file.allow=always"]);
    command.env("GIT_AUTHOR_EMAIL", "a@example.com");
    command
}

/// No settings of whoever runs the tests; and time stands still.
pub(crate) fn isolate(command: &mut Command) {
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_AUTHOR_DATE", "1709251199 +0100").env("GIT_COMMITTER_DATE", "1709251199 +0100");
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
}

/// A linear history for `git fast-import`: commit `n` writes one file, and one of three authors wrote it.
pub(crate) fn linear_history(commits: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for number in 0..commits {
        let (author, file, time) = (["Ann", "Bo", "Cy"][number % 3], number % 97, 1_500_000_000 + number * 3_600);
        let message = format!("change {number}");
        let who = format!("{author} <{author}@example.com> {time} +0000");
        stream.extend(format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\n").bytes());
        stream.extend(format!("data {}\n{message}\n", message.len()).bytes());
        let content = format!("{number}\n");
        stream.extend(
            format!("M 100644 inline dir{}/file{file}.txt\ndata {}\n{content}\n", file % 7, content.len()).bytes(),
        );
    }
    stream
}
