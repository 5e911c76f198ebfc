use super::ServerLimits;
use std::time::Duration;

/// When a peer that says nothing is given up. One per connection, asked with the time.
///
/// ```
/// use livestore_server::limits::{Deadlines, Expired, ServerLimits};
/// use std::time::Duration;
///
/// let second = Duration::from_secs(1);
/// let mut deadlines = Deadlines::new(&ServerLimits::default(), Duration::ZERO);
/// assert_eq!(deadlines.expired(second * 6), Some(Expired::Handshake));
/// deadlines.opened(second);
/// assert!(!deadlines.is_ping_due(second * 20) && deadlines.is_ping_due(second * 21));
/// assert_eq!(deadlines.expired(second * 42), Some(Expired::Idle));
/// deadlines.heard(second * 21);
/// assert_eq!(deadlines.expired(second * 42), None);
/// ```
#[derive(Clone, Debug)]
pub struct Deadlines {
    handshake_max: Duration,
    ping_after: Duration,
    request_max: Duration,
    accepted_at: Duration,
    opened: bool,
    heard_at: Duration,
    pinged_at: Option<Duration>,
    request_since: Option<Duration>,
}

/// Why a peer was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Expired {
    /// It did not end its handshake.
    #[error("the handshake took too long")]
    Handshake,
    /// Nothing was heard of it, a pong neither.
    #[error("nothing was heard for too long")]
    Idle,
    /// A request that it began did not end.
    #[error("a request took too long")]
    Request,
}

impl Deadlines {
    /// Of a socket that was accepted now.
    #[must_use]
    pub const fn new(limits: &ServerLimits, now: Duration) -> Self {
        Self {
            handshake_max: limits.handshake_max,
            ping_after: limits.ping_after,
            request_max: limits.request_max,
            accepted_at: now,
            opened: false,
            heard_at: now,
            pinged_at: None,
            request_since: None,
        }
    }

    /// The handshake ended, its hooks included.
    pub fn opened(&mut self, now: Duration) {
        self.opened = true;
        self.heard(now);
    }

    /// Anything came: a frame, a ping, a pong.
    pub fn heard(&mut self, now: Duration) {
        self.heard_at = self.heard_at.max(now);
        self.pinged_at = None;
    }

    /// A ping was sent.
    pub fn pinged(&mut self, now: Duration) {
        self.pinged_at = Some(now);
    }

    /// A message or a body began to arrive, in part.
    pub fn request_began(&mut self, now: Duration) {
        self.request_since = self.request_since.or(Some(now));
    }

    /// It is there whole.
    pub fn request_ended(&mut self) {
        self.request_since = None;
    }

    /// Whether to ping: the peer was silent and is not pinged yet.
    #[must_use]
    pub fn is_ping_due(&self, now: Duration) -> bool {
        self.ping_at().is_some_and(|ping_at| now >= ping_at)
    }

    /// When to ping next; `None` where an answer is waited for.
    #[must_use]
    pub fn ping_at(&self) -> Option<Duration> {
        (self.opened && self.pinged_at.is_none()).then(|| self.heard_at.saturating_add(self.ping_after))
    }

    /// Whether the connection is to be closed, and why.
    #[must_use]
    pub fn expired(&self, now: Duration) -> Option<Expired> {
        (now > self.expires_at()).then_some(self.next().1)
    }

    /// The last moment at which nothing has expired.
    #[must_use]
    pub fn expires_at(&self) -> Duration {
        self.next().0
    }

    fn next(&self) -> (Duration, Expired) {
        if !self.opened {
            return (self.accepted_at.saturating_add(self.handshake_max), Expired::Handshake);
        }
        let idle = (self.heard_at.saturating_add(self.ping_after * 2), Expired::Idle);
        let request = self.request_since.map(|since| (since.saturating_add(self.request_max), Expired::Request));
        match request {
            Some(request) if request.0 < idle.0 => request,
            _ => idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_nanos(1);
    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What expires a step before, at, and a step after a moment.
    fn around(deadlines: &Deadlines, moment: Duration) -> [Option<Expired>; 3] {
        [moment - STEP, moment, moment + STEP].map(|now| deadlines.expired(now))
    }

    #[test]
    fn each_deadline_has_an_edge() {
        let mut deadlines = Deadlines::new(&ServerLimits::default(), seconds(100));
        assert_eq!(around(&deadlines, seconds(105)), [None, None, Some(Expired::Handshake)]);
        deadlines.opened(seconds(101));
        assert_eq!(around(&deadlines, seconds(141)), [None, None, Some(Expired::Idle)]);
        deadlines.request_began(seconds(102));
        assert_eq!(around(&deadlines, seconds(112)), [None, None, Some(Expired::Request)]);
        deadlines.request_ended();
        assert_eq!(around(&deadlines, seconds(141)), [None, None, Some(Expired::Idle)]);
    }

    #[test]
    fn drops_of_a_request_do_not_put_its_end_off() {
        let mut deadlines = Deadlines::new(&ServerLimits::default(), seconds(0));
        deadlines.opened(seconds(0));
        for second in 0..=10 {
            deadlines.request_began(seconds(second));
            deadlines.heard(seconds(second));
        }
        assert_eq!(around(&deadlines, seconds(10)), [None, None, Some(Expired::Request)]);
    }

    #[test]
    fn a_silent_peer_is_pinged_once() {
        let mut deadlines = Deadlines::new(&ServerLimits::default(), seconds(0));
        assert!(!deadlines.is_ping_due(seconds(100)), "not before it is open");
        deadlines.opened(seconds(0));
        assert_eq!([19, 20, 21].map(|now| deadlines.is_ping_due(seconds(now))), [false, true, true]);
        deadlines.pinged(seconds(20));
        assert!(!deadlines.is_ping_due(seconds(30)));
        deadlines.heard(seconds(31));
        assert!(deadlines.is_ping_due(seconds(51)));
    }
}
