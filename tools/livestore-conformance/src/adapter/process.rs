//! A session in a process of its own.

use super::Subject;
use super::app::{App, commit, settle};
use crate::report::Miss;
use crate::suite::PATIENCE;
use livestore::{Adapter, Store};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc;

/// What the program of [`Subject::process`] does: opens the store, and does what the suite tells it through its standard input,
/// until that ends.
///
/// # Errors
/// The suite went away, or the store does not do what it is told.
pub fn serve(adapter: impl Adapter, store_id: &str) -> io::Result<()> {
    let store = match Store::<App>::open(adapter, store_id) {
        Ok(store) => store,
        Err(error) => return say(&format!("error {error}")),
    };
    say("open")?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        say(&obey(&store, &line).unwrap_or_else(|miss| format!("error {miss:?}")))?;
    }
    store.shutdown().map_err(io::Error::other)
}

fn obey(store: &Store<App>, line: &str) -> Result<String, Miss> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["commit", first, number] => {
            let (first, number): (i64, i64) = (first.parse()?, number.parse()?);
            commit(store, first..first + number)?;
            Ok("committed".to_owned())
        }
        ["await", number] => Ok(settle(store, number.parse()?)?.len().to_string()),
        _ => Err(Miss::Failed(format!("`{line}` is no command"))),
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

/// The other end of it. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    /// What it says; read aside, so that one that hangs is not waited for without end.
    lines: mpsc::Receiver<String>,
}

pub(super) fn process<S: Subject>(subject: &S, place: &S::Place, store_id: &str) -> Result<Process, Miss> {
    let command = subject.process(place, store_id);
    let mut command = command.ok_or_else(|| Miss::not_applicable("processes cannot share a place"))?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let out = child.stdout.take().ok_or_else(|| Miss::Failed("the process has no output".into()))?;
    let (said, lines) = mpsc::channel();
    // Ends with the process, whose output ends then.
    std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
    Ok(Process { child, lines })
}

impl Process {
    pub(super) fn wait_open(&mut self) -> Result<(), Miss> {
        self.expect("open")
    }

    pub(super) fn tell(&mut self, line: &str) -> Result<(), Miss> {
        let input = self.child.stdin.as_mut().ok_or_else(|| Miss::Failed("the process has no input".into()))?;
        Ok(writeln!(input, "{line}")?)
    }

    pub(super) fn expect(&mut self, answer: &str) -> Result<(), Miss> {
        // Longer than the process itself waits, so that it can say what it missed.
        let line = self.lines.recv_timeout(PATIENCE * 2)?;
        if line == answer { Ok(()) } else { Err(Miss::Failed(format!("a process said `{line}` and not `{answer}`"))) }
    }

    pub(super) fn ask(&mut self, line: &str, answer: &str) -> Result<(), Miss> {
        self.tell(line)?;
        self.expect(answer)
    }

    pub(super) fn kill(mut self) {
        self.end();
    }

    /// Ends it in order: its input ends.
    pub(super) fn close(mut self) -> Result<(), Miss> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(Miss::Failed(format!("a process ended with {status}"))) }
    }

    fn end(&mut self) {
        let _ = self.child.kill(); // It may have ended.
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
