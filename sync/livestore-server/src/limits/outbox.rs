use super::ServerLimits;

/// What waits to be sent on one connection: a count, not the frames.
///
/// A peer that does not read fills it; then nothing more is read from it, so that nothing more is to be sent, and when it does not
/// read for long the connection is closed. It costs a bounded buffer and catches up later.
///
/// ```
/// use livestore_server::limits::{Outbox, ServerLimits};
///
/// let mut outbox = Outbox::new(&ServerLimits::default());
/// outbox.queued(900_000);
/// assert!(!outbox.is_full());
/// outbox.queued(900_000);
/// assert!(outbox.is_full());
/// outbox.sent(900_000);
/// assert!(!outbox.is_full());
/// ```
#[derive(Clone, Debug)]
pub struct Outbox {
    bytes: usize,
    frames: usize,
    bytes_max: usize,
    frames_max: usize,
}

impl Outbox {
    /// Of a new connection.
    #[must_use]
    pub const fn new(limits: &ServerLimits) -> Self {
        Self { bytes: 0, frames: 0, bytes_max: limits.outbound_bytes_max, frames_max: limits.outbound_frames_max }
    }

    /// Counts a frame that waits.
    pub const fn queued(&mut self, bytes: usize) {
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether as much waits as may.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.frames >= self.frames_max || self.bytes >= self.bytes_max
    }

    /// Counts a frame that the socket took.
    pub fn sent(&mut self, bytes: usize) {
        self.frames = self.frames.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Bytes that wait, for a metric.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_an_edge() {
        let fill = |last: usize| {
            let mut outbox = Outbox::new(&ServerLimits::default());
            outbox.queued(1 << 19);
            outbox.queued((1 << 19) - 2 + last);
            outbox.is_full()
        };
        assert_eq!([1, 2, 3].map(fill), [false, true, true]);
    }

    #[test]
    fn frames_have_an_edge() {
        let mut outbox = Outbox::new(&ServerLimits::default());
        for frame in 1..=1_024 {
            assert!(!outbox.is_full(), "before frame {frame}");
            outbox.queued(1);
        }
        assert!(outbox.is_full());
        outbox.sent(1);
        assert!(!outbox.is_full(), "one was sent");
    }

    #[test]
    fn giant_frames_do_not_overflow() {
        let mut outbox = Outbox::new(&ServerLimits::default());
        outbox.queued(usize::MAX);
        outbox.queued(usize::MAX);
        assert!(outbox.is_full());
        outbox.sent(usize::MAX);
        outbox.sent(1);
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }
}
