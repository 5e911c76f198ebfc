//! A server as a process of its own.

use crate::support::{LONG, program};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Runs until it is stopped or dropped.
pub(crate) struct Served {
    child: Child,
    lines: Receiver<String>,
    /// All that it wrote until now.
    pub(crate) log: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Self {
        Self::start_with(dir, args, |_| ())
    }

    pub(crate) fn start_with(dir: &Path, args: &[&str], set: impl FnOnce(&mut Command)) -> Self {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(dir).args(args);
        set(&mut command);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut served = Self { child, lines, log: Vec::new(), address: ([0; 4], 0).into() };
        let line = served.line("listening on");
        let address = line.split("http://").nth(1).expect("the address is there");
        let address = address.split(|char: char| !(char.is_ascii_digit() || ".:".contains(char))).next().unwrap();
        served.address = address.parse().unwrap();
        served
    }

    /// Waits for a line of its log.
    pub(crate) fn line(&mut self, with: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LONG);
            let line = line.unwrap_or_else(|_| panic!("no line with `{with}` among {:#?}", self.log));
            self.log.push(line.clone());
            if line.contains(with) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end: the exit code, and all that it wrote to its log and to stdout.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>, String) {
        let code = self.child.wait().unwrap().code();
        let mut stdout = String::new();
        std::io::Read::read_to_string(self.child.stdout.as_mut().unwrap(), &mut stdout).unwrap();
        let mut log = std::mem::take(&mut self.log);
        log.extend(self.lines.iter());
        (code, log, stdout)
    }

    /// Stops it in order.
    pub(crate) fn stop(self) -> Vec<String> {
        self.signal("-TERM");
        let (code, log, _) = self.ended();
        assert_eq!(code, Some(0), "{log:#?}");
        log
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
