//! A session in a process of its own: the program `session`, driven line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The running program. It is killed when this is dropped, so that a failed test leaves nobody behind.
#[derive(Debug)]
pub struct Session {
    child: Child,
    out: BufReader<ChildStdout>,
}

// A test that cannot talk to its child has failed: everything here panics then.
#[allow(clippy::missing_panics_doc)]
impl Session {
    /// Starts `program`, which is `env!("CARGO_BIN_EXE_session")`: only a test knows where it was built. Its first line tells
    /// whether the store opened.
    #[must_use]
    pub fn start(program: &str, directory: &Path, store_id: &str, run: i64, schema: &str) -> Self {
        Self::start_with(program, directory, store_id, run, schema, &[])
    }

    /// The same, with settings in its environment.
    #[must_use]
    pub fn start_with(
        program: &str,
        directory: &Path,
        store_id: &str,
        run: i64,
        schema: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(program)
            .arg(directory)
            .args([store_id, &run.to_string(), schema])
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the session starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, out }
    }

    /// Starts it with the application of [`ledger`](crate::ledger), and waits until the store is open.
    #[must_use]
    pub fn open(program: &str, directory: &Path, store_id: &str, run: i64) -> Self {
        let mut session = Self::start(program, directory, store_id, run, "app");
        assert_eq!(session.hear(), "open");
        session
    }

    /// The next line that it says.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("it writes lines");
        line.trim_end().to_owned()
    }

    /// Tells it something, and gives back its answer.
    pub fn ask(&mut self, line: &str) -> String {
        writeln!(self.child.stdin.as_mut().expect("it is piped"), "{line}").expect("it reads lines");
        self.hear()
    }

    /// Waits until the leader's state starts so.
    pub fn wait_for_leader(&mut self, state: &str) {
        for _ in 0..300 {
            if self.ask("leader").starts_with(state) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50)); // Between two questions to another process.
        }
        panic!("the leader is {} and not {state}", self.ask("leader"));
    }

    /// Sends it a signal, such as `-STOP`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("it runs");
        assert!(sent.success(), "{signal}");
    }

    /// Ends it without warning.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Ends it as a user would.
    pub fn close(mut self) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("it writes lines");
        assert!(self.child.wait().expect("it ended").success(), "{rest}");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended.
        let _ = self.child.wait();
    }
}
