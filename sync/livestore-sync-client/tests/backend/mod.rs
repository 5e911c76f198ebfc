//! Starts the backend.

use crate::support::Site;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

const FILES: [&str; 6] = [".npmrc", "package-lock.json", "package.json", "run.mjs", "worker.mjs", "wrangler.toml"];

/// A backend, which ends with this.
pub(crate) struct OriginalBackend {
    process: Child,
    port: u16,
    _data: tempfile::TempDir,
}

impl OriginalBackend {
    /// Installs it where that was not done, and starts it; `None` where there is no Node.
    pub(crate) fn start() -> Option<Self> {
        static INSTALLED: OnceLock<Option<PathBuf>> = OnceLock::new();
        let dir = INSTALLED.get_or_init(install).as_deref()?;
        let data = tempfile::tempdir().unwrap();
        // Somebody else may take the port in between; then it fails to start, and says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("node");
        command.arg(dir.join("run.mjs")).arg(port.to_string()).arg(data.path());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = said.next().transpose().unwrap();
        assert_eq!(first.as_deref(), Some("READY"), "{:?}", said.map_while(Result::ok).collect::<Vec<_>>());
        // What it says later is of no interest, but has to be read.
        std::thread::spawn(move || said.for_each(drop));
        Some(Self { process, port, _data: data })
    }

    pub(crate) fn site(&self) -> Site {
        Site { port: self.port, is_own: false }
    }
}

impl Drop for OriginalBackend {
    fn drop(&mut self) {
        drop(self.process.stdin.take()); // It ends with its input.
        let _ = self.process.wait();
    }
}

/// The directory it is installed in, below the build's.
fn install() -> Option<PathBuf> {
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_node {
        assert!(std::env::var_os("CI").is_none(), "Node is missing: install Debian's packages `nodejs` and `npm`");
        let mut stderr = std::io::stderr().lock();
        writeln!(stderr, "SKIPPED: no Node here; install Debian's packages `nodejs` and `npm` to run this test")
            .unwrap();
        return None;
    }
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/original-backend");
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("original-backend");
    fs::create_dir_all(&dir).unwrap();
    for file in FILES {
        fs::copy(from.join(file), dir.join(file)).unwrap();
    }
    let lock = fs::read(from.join("package-lock.json")).unwrap();
    let installed = dir.join("installed.json");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Some(dir);
    }
    let output = Command::new("npm").arg("ci").arg("--ignore-scripts").current_dir(&dir).output().unwrap();
    assert!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(installed, lock).unwrap();
    Some(dir)
}
