//! The server as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A server that runs, and is killed at the latest when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    _stdin: Option<ChildStdin>,
}

impl ServerProcess {
    /// Starts one on any port, with its logs in a directory. `program` is this package's `backend`.
    #[must_use]
    pub fn start(program: &str, data: &Path) -> Self {
        let mut command = Command::new(program);
        let mut child =
            command.arg(data).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().parse().unwrap_or_else(|error| panic!("no address in `{line}`: {error}"));
        Self { address, _stdin: child.stdin.take(), child }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // One that ended by itself cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
