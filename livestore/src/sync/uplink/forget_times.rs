//! Uplinks that behave alike made equal, for tests that look at every state.

use super::{Jitter, Phase, Uplink};
use std::time::Duration;

impl Uplink {
    /// Whether it waits for the next recheck only.
    pub(crate) fn is_resting(&self) -> bool {
        matches!(&self.phase, Phase::Connected(link) if link.is_resting())
    }

    /// Counts time from `now` on, and forgets what no later step depends on.
    pub(crate) fn forget_times(&mut self, now: Duration) {
        self.jitter = Jitter::new(1);
        self.last_error = None;
        self.retries.forget();
        self.restarts.forget();
        self.settled_at = self.settled_at.saturating_sub(now);
        match &mut self.phase {
            Phase::Waiting { retry_at: at } | Phase::Connecting { deadline: at } => *at = at.saturating_sub(now),
            Phase::Connected(link) => link.forget_times(now),
            Phase::Stopped => {}
        }
    }
}
