//! The TypeScript client beside this program, on one list.
//!
//! It comes from npm, so it runs in CI, or where `TODO_TYPESCRIPT` is set.

mod backend;

use backend::{Backend, texts};
use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const FILES: [&str; 5] = [".npmrc", "package-lock.json", "package.json", "schema.mjs", "todo.mjs"];

/// Where it is installed, below the build directory; `None` where it is not asked for.
fn installed() -> Option<PathBuf> {
    let is_ci = std::env::var_os("CI").is_some();
    let has_npm = Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success());
    let skipped = match (is_ci || std::env::var_os("TODO_TYPESCRIPT").is_some(), has_npm) {
        (true, true) => None,
        (true, false) if is_ci => panic!("npm is missing: install Debian's packages `nodejs` and `npm`"),
        (true, false) => Some("no npm here; install Debian's packages `nodejs` and `npm` to run this test"),
        (false, _) => Some("the TypeScript client is tried in CI, or where TODO_TYPESCRIPT is set"),
    };
    if let Some(why) = skipped {
        writeln!(std::io::stderr().lock(), "SKIPPED: {why}").unwrap();
        return None;
    }
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript");
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("todo-typescript");
    fs::create_dir_all(&dir).unwrap();
    for file in FILES {
        fs::copy(from.join(file), dir.join(file)).unwrap();
    }
    let (lock, stamp) = (fs::read(from.join("package-lock.json")).unwrap(), dir.join("installed.json"));
    if !fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        let output = Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(&dir).output().unwrap();
        assert!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(stamp, lock).unwrap();
    }
    Some(dir)
}

fn typescript(project: &Path, backend: &Backend) -> Command {
    let mut command = Command::new("node");
    // The store that `todo` has without `--store`.
    command.arg(project.join("todo.mjs")).args(["--sync", &format!("ws://{}", backend.address)]);
    command
}

fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The TypeScript client while it watches the list.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    fn start(mut command: Command) -> Self {
        let mut child = command.arg("watch").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on until the list is like this.
    fn shows(&mut self, expected: &[&str]) {
        let mut list = Vec::new();
        while list != expected {
            let lines = self.lines.by_ref().map(Result::unwrap);
            list = lines.take_while(|line| !line.is_empty()).collect();
            assert!(!list.is_empty(), "it ended before it showed {expected:?}");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_typescript_client_and_this_program_share_a_list() {
    let Some(project) = installed() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (here, data) = (dir.path().join("here"), dir.path().join("backend"));
    let mut backend = Backend::start(&data);
    let milk = backend.printed(&here, &["add", "milk"]).trim().to_owned();
    let mut watch = Watch::start(typescript(&project, &backend));
    watch.shows(&[&format!("[ ] {milk}  milk")]);
    let bread = printed(typescript(&project, &backend).args(["add", "bread", "and", "butter"])).trim().to_owned();
    watch.shows(&[&format!("[ ] {milk}  milk"), &format!("[ ] {bread}  bread and butter")]);
    assert_eq!(backend.wait_for(&here, 2), ["milk", "bread and butter"]);

    backend.printed(&here, &["done", &bread]);
    watch.shows(&[&format!("[ ] {milk}  milk"), &format!("[x] {bread}  bread and butter")]);
    printed(typescript(&project, &backend).args(["done", &milk]));
    let both_done = format!("[x] {milk}  milk\n[x] {bread}  bread and butter\n");
    assert_eq!(printed(typescript(&project, &backend).arg("list")), both_done);
    watch.shows(&both_done.lines().collect::<Vec<_>>());
    // The list that Rust has is the same once it heard of it.
    let listed = backend.wait_until(&here, |json| json.matches("\"completed\":true").count() == 2);
    assert_eq!(texts(&listed), ["milk", "bread and butter"]);

    drop(watch);
    backend.stop();
    let output = typescript(&project, &backend).args(["add", "salt"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &[][..]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not answer"), "{output:?}");
}
