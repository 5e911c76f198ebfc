use std::time::Duration;

/// How fast events may come: steadily, and at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Events per second in the long run.
    pub events_per_second: u32,
    /// Events at once after a pause.
    pub burst: u32,
}

impl Pace {
    pub(crate) const fn is_zero(self) -> bool {
        self.events_per_second == 0 || self.burst == 0
    }

    /// How long so many events take in the long run. A pace of 0 counts as 1, so that no division fails.
    fn time(self, events: u64) -> Duration {
        let nanos = u128::from(events) * 1_000_000_000 / u128::from(self.events_per_second.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A token bucket over time that is passed in. It never refuses: it takes what came and says from when on to read more.
///
/// What is over the pace is a debt, paid by waiting. A push larger than the burst is taken as well, and waited for afterwards.
///
/// ```
/// use livestore_server::limits::{Bucket, Pace};
/// use std::time::Duration;
///
/// let mut bucket = Bucket::new(Pace { events_per_second: 200, burst: 2_000 });
/// assert_eq!(bucket.take(2_000, Duration::ZERO), Duration::ZERO);
/// assert_eq!(bucket.take(1, Duration::ZERO), Duration::from_millis(5));
/// assert_eq!(bucket.take(1, Duration::from_secs(1)), Duration::ZERO);
/// ```
#[derive(Clone, Debug)]
pub struct Bucket {
    pace: Pace,
    /// When everything taken so far is paid for; in the past while the bucket is full.
    paid_at: Duration,
    /// The latest time seen, so that a clock that steps back gives nothing away.
    seen: Duration,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub const fn new(pace: Pace) -> Self {
        Self { pace, paid_at: Duration::ZERO, seen: Duration::ZERO }
    }

    /// Takes events that came, and says how long to wait before more are read; zero while they are within the pace.
    #[must_use = "over the pace, nothing more is to be read for this long"]
    pub fn take(&mut self, events: u64, now: Duration) -> Duration {
        self.seen = self.seen.max(now);
        self.paid_at = self.paid_at.max(self.seen).saturating_add(self.pace.time(events));
        self.wait(now)
    }

    /// How long to wait from `now` on.
    #[must_use]
    pub fn wait(&self, now: Duration) -> Duration {
        let burst = self.pace.time(u64::from(self.pace.burst));
        self.paid_at.saturating_sub(burst).saturating_sub(now.max(self.seen))
    }

    /// Whether it is full again, so that nothing is lost when it is forgotten.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        self.paid_at <= now.max(self.seen)
    }
}

/// When a connection is read again, by its own pace and by that of its store.
///
/// The connection owns its bucket, the store's owner owns the other; whoever takes a push asks both here.
///
/// ```
/// use livestore_server::limits::{Bucket, ReadPace, ServerLimits};
/// use std::time::Duration;
///
/// let limits = ServerLimits::default();
/// let mut store = Bucket::new(limits.store_pace);
/// let mut connection = ReadPace::new(&limits);
/// connection.took(100, &mut store, Duration::ZERO);
/// assert_eq!(connection.read_at(), None);
/// connection.took(1_901, &mut store, Duration::ZERO);
/// assert_eq!(connection.read_at(), Some(Duration::from_millis(5)));
/// ```
#[derive(Clone, Debug)]
pub struct ReadPace {
    own: Bucket,
    read_at: Option<Duration>,
}

impl ReadPace {
    /// Of a new connection.
    #[must_use]
    pub const fn new(limits: &super::ServerLimits) -> Self {
        Self { own: Bucket::new(limits.connection_pace), read_at: None }
    }

    /// Notes a push of so many events, before or after it is judged: what is refused has cost too.
    pub fn took(&mut self, events: u64, store: &mut Bucket, now: Duration) {
        // A push of nothing has cost a frame.
        let events = events.max(1);
        let wait = self.own.take(events, now).max(store.take(events, now));
        self.read_at = (!wait.is_zero()).then(|| now.saturating_add(wait));
    }

    /// When to read the next frame; `None` for at once. Pings wait too: the peer sees a slow connection, no error.
    #[must_use]
    pub const fn read_at(&self) -> Option<Duration> {
        self.read_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PACE: Pace = Pace { events_per_second: 200, burst: 2_000 };

    #[test]
    fn the_burst_has_an_edge() {
        let wait = |events| Bucket::new(PACE).take(events, SECOND);
        assert_eq!(wait(1_999), Duration::ZERO);
        assert_eq!(wait(2_000), Duration::ZERO);
        assert_eq!(wait(2_001), Duration::from_millis(5));
    }

    #[test]
    fn the_rate_holds_in_the_long_run() {
        let mut bucket = Bucket::new(PACE);
        let (mut now, mut taken) = (Duration::ZERO, 0_u64);
        while now < SECOND * 60 {
            now += bucket.take(100, now);
            taken += 100;
        }
        assert!((60 * 200..=60 * 200 + 2_000 + 100).contains(&taken), "{taken}");
    }

    #[test]
    fn a_pause_refills_it_and_no_more() {
        let mut bucket = Bucket::new(PACE);
        assert_eq!(bucket.take(2_000, Duration::ZERO), Duration::ZERO);
        assert!(!bucket.is_full(SECOND * 10 - Duration::from_nanos(1)));
        assert!(bucket.is_full(SECOND * 10));
        assert_eq!(bucket.take(2_001, SECOND * 3_600), Duration::from_millis(5));
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_away() {
        let mut bucket = Bucket::new(PACE);
        assert_eq!(bucket.take(2_000, SECOND * 100), Duration::ZERO);
        assert_eq!(bucket.take(1, SECOND), Duration::from_millis(5));
        assert_eq!(bucket.take(1, SECOND * 101), Duration::ZERO);
    }

    #[test]
    fn giant_numbers_do_not_overflow() {
        let mut bucket = Bucket::new(Pace { events_per_second: 0, burst: u32::MAX });
        let _ = bucket.take(u64::MAX, Duration::MAX);
        assert_eq!(bucket.take(u64::MAX, Duration::MAX), Duration::ZERO);
    }

    #[test]
    fn a_store_slows_connections_that_are_within_their_own_pace() {
        let limits = super::super::ServerLimits::default();
        let mut store = Bucket::new(limits.store_pace);
        let mut connections = vec![ReadPace::new(&limits); 6];
        for connection in &mut connections {
            connection.took(1_000, &mut store, Duration::ZERO);
        }
        let waiting: Vec<_> = connections.iter().filter_map(ReadPace::read_at).collect();
        assert_eq!(waiting, [Duration::from_millis(200)], "the sixth waits for the store");
    }

    #[test]
    fn empty_pushes_are_not_free() {
        let limits = super::super::ServerLimits::default();
        let mut store = Bucket::new(limits.store_pace);
        let mut connection = ReadPace::new(&limits);
        for _ in 0..2_000 {
            connection.took(0, &mut store, Duration::ZERO);
        }
        assert_eq!(connection.read_at(), None);
        connection.took(0, &mut store, Duration::ZERO);
        assert_eq!(connection.read_at(), Some(Duration::from_millis(5)));
    }
}
