//! A PostgreSQL of the test's own, from Debian's packages: its data in a directory that goes away with it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Postgres {
    server: Child,
    bin: PathBuf,
    port: u16,
    dir: tempfile::TempDir,
}

impl Postgres {
    /// Starts one. Where PostgreSQL is not installed, says so and gives `None`; with `CI` set that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = binaries() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing: install Debian's package `postgresql`");
            let mut stderr = std::io::stderr().lock();
            writeln!(stderr, "SKIPPED: no PostgreSQL here; install Debian's package `postgresql` to run this test")
                .unwrap();
            return None;
        };
        let dir = tempfile::Builder::new().prefix("livestore-postgres").tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if is_root() {
            // PostgreSQL refuses to run as root.
            run(Command::new("chown").args(["-R", "postgres"]).arg(dir.path()));
        }
        run(as_postgres(&bin.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(&bin, dir.path(), port);
        Some(Self { server, bin, port, dir })
    }

    /// Ends it as it is, and starts it again with the same data.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.server = serve(&self.bin, self.dir.path(), self.port);
    }

    fn stop(&mut self) {
        // SIGINT asks it to end its connections and stop; its children would outlive SIGKILL.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(bin: &Path, dir: &Path, port: u16) -> Child {
    let settings = ["listen_addresses=127.0.0.1", "fsync=off", &format!("port={port}")].map(|s| format!("-c{s}"));
    let sockets = format!("-cunix_socket_directories={}", dir.display());
    let mut server = as_postgres(&bin.join("postgres"));
    let server = server.arg("-D").arg(dir.join("data")).args(settings).arg(sockets).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let port_text = port.to_string();
    let mut is_ready = as_postgres(&bin.join("pg_isready"));
    is_ready.args(["-q", "-h", "127.0.0.1", "-p", &port_text]);
    while !is_ready.status().is_ok_and(|status| status.success()) {
        assert!(Instant::now() < deadline, "PostgreSQL does not answer on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists()).max()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() {
        // `setpriv` becomes the program, so that a signal reaches it.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
