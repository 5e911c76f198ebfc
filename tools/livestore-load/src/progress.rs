//! How a run goes, for who looks on.

use crate::figures::Shared;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// A line on the terminal, every second; none where nobody looks.
pub(crate) struct Progress<'a> {
    shared: &'a Shared,
    begin: Instant,
    shown: u64,
    before: (u64, u64),
    is_wanted: bool,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(shared: &'a Shared, begin: Instant) -> Self {
        let before = (shared.taken.load(Ordering::Relaxed), shared.delivered.load(Ordering::Relaxed));
        Self { shared, begin, shown: 0, before, is_wanted: std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self) {
        let second = self.begin.elapsed().as_secs();
        if second == self.shown || !self.is_wanted {
            return;
        }
        let Self { shared, before, .. } = self;
        let span = second - self.shown;
        let (taken, delivered) = (shared.taken.load(Ordering::Relaxed), shared.delivered.load(Ordering::Relaxed));
        let (per_second_in, per_second_out) = ((taken - before.0) / span, (delivered - before.1) / span);
        let (reconnects, violations) = (&shared.reconnects, &shared.violations);
        self.write(&format!(
            "\r{second:>4} s  in {per_second_in}/s  out {per_second_out}/s  reconnects {}  violations {}  ",
            reconnects.load(Ordering::Relaxed),
            violations.load(Ordering::Relaxed),
        ));
        (self.shown, self.before) = (second, (taken, delivered));
    }

    pub(crate) fn end(&self) {
        if self.is_wanted {
            self.write("\n");
        }
    }

    fn write(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}
