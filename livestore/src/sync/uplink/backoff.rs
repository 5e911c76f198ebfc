use crate::mutant::{self, Mutant};
use std::time::Duration;

/// Numbers that spread the retries of many clients (xorshift64*). Nothing secret depends on them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        // Zero is the one state that xorshift does not leave.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }
}

/// Waits that double from one failure to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// Beyond so many failures nothing changes that a search could see.
    #[cfg(test)]
    pub(super) fn forget(&mut self) {
        self.0 = self.0.min(3);
    }

    /// How often it failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.0
    }

    /// The next wait: at least `least` times two for each failure before, and up to half as much again, at most `most`.
    pub(super) fn next(&mut self, least: Duration, most: Duration, jitter: &mut Jitter) -> Duration {
        if mutant::is(Mutant::RetriesAtOnce) {
            return Duration::ZERO;
        }
        let base = least.saturating_mul(1 << self.0.min(16)).min(most * 2 / 3);
        self.0 = self.0.saturating_add(1);
        // A part of 2^32 of half the base.
        let half = base.as_millis() as u64 / 2;
        base + Duration::from_millis((half * jitter.next()) >> 32)
    }
}
