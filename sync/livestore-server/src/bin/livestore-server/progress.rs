//! Shows people how far a command is.

use livestore_server::archive::Progress;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Rarely enough to cost nothing.
const EVERY: Duration = Duration::from_millis(100);

/// One line of stderr, written over and over; nothing when stderr is no terminal.
pub(crate) struct Meter {
    what: String,
    shown_at: Option<Instant>,
    is_terminal: bool,
}

impl Meter {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), shown_at: None, is_terminal: std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, Progress { done, of }: Progress) {
        if !self.is_terminal || self.shown_at.is_some_and(|shown_at| shown_at.elapsed() < EVERY) {
            return;
        }
        self.shown_at = Some(Instant::now());
        let percent = done.saturating_mul(100).checked_div(of).unwrap_or(100);
        // Who does not see it misses nothing.
        let _ = write!(std::io::stderr(), "\r\x1b[K{} {done} of {of} events ({percent} %)", self.what);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.shown_at.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// What a command did, for people; stdout may be a file.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `1 event`, `2 events`.
pub(crate) fn events(count: u64) -> String {
    if count == 1 { "1 event".into() } else { format!("{count} events") }
}
