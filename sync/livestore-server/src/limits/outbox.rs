use super::ServerLimits;

/// What waits to be sent on one connection: a count, not the frames.
///
/// A peer that does not read fills it; then the connection is closed, so that it costs a bounded buffer and catches up later.
///
/// ```
/// use livestore_server::limits::{Outbox, ServerLimits};
///
/// let mut outbox = Outbox::new(&ServerLimits::default());
/// outbox.queued(900_000)?;
/// outbox.sent(900_000);
/// assert!(outbox.is_empty());
/// # Ok::<(), livestore_server::limits::SlowReader>(())
/// ```
#[derive(Clone, Debug)]
pub struct Outbox {
    bytes: usize,
    frames: usize,
    bytes_max: usize,
    frames_max: usize,
}

/// A peer does not read what it is sent. Its connection is to be closed; it comes back and catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer does not read: {frames} frames of {bytes} bytes wait; connect again to resync")]
pub struct SlowReader {
    /// Frames that would wait.
    pub frames: usize,
    /// Bytes that would wait.
    pub bytes: usize,
}

impl Outbox {
    /// Of a new connection.
    #[must_use]
    pub const fn new(limits: &ServerLimits) -> Self {
        Self { bytes: 0, frames: 0, bytes_max: limits.outbound_bytes_max, frames_max: limits.outbound_frames_max }
    }

    /// Counts a frame that is about to be queued. An empty outbox takes any frame: what is larger than the limit still has to go.
    ///
    /// # Errors
    ///
    /// Too much would wait. The frame is not counted.
    pub fn queued(&mut self, bytes: usize) -> Result<(), SlowReader> {
        let (frames, bytes) = (self.frames.saturating_add(1), self.bytes.saturating_add(bytes));
        if !self.is_empty() && (frames > self.frames_max || bytes > self.bytes_max) {
            return Err(SlowReader { frames, bytes });
        }
        (self.frames, self.bytes) = (frames, bytes);
        Ok(())
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
            outbox.queued(1 << 19).and_then(|()| outbox.queued((1 << 19) - 2 + last))
        };
        assert_eq!(fill(1), Ok(()));
        assert_eq!(fill(2), Ok(()));
        assert_eq!(fill(3), Err(SlowReader { frames: 2, bytes: (1 << 20) + 1 }));
    }

    #[test]
    fn frames_have_an_edge() {
        let mut outbox = Outbox::new(&ServerLimits::default());
        for frame in 1..=1_024 {
            assert_eq!(outbox.queued(1), Ok(()), "frame {frame}");
        }
        assert_eq!(outbox.queued(1), Err(SlowReader { frames: 1_025, bytes: 1_025 }));
        outbox.sent(1);
        assert_eq!(outbox.queued(1), Ok(()), "one was sent");
    }

    #[test]
    fn an_empty_one_takes_what_is_larger_than_the_limit() {
        let mut outbox = Outbox::new(&ServerLimits::default());
        assert_eq!(outbox.queued(usize::MAX), Ok(()));
        assert!(outbox.queued(usize::MAX).is_err());
        outbox.sent(usize::MAX);
        outbox.sent(1);
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }
}
