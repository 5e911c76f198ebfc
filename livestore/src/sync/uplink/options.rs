use std::time::Duration;

/// How long an uplink waits for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UplinkOptions {
    /// The first wait after a lost connection; doubled with each that follows.
    pub(crate) retry_min: Duration,
    /// The longest.
    pub(crate) retry_max: Duration,
    /// The same where the backend does not let this client in, or does not keep to the protocol.
    pub(crate) slow_retry_min: Duration,
    /// The longest of these.
    pub(crate) slow_retry_max: Duration,
    /// How long a connection may take to stand.
    pub(crate) connect_timeout: Duration,
    /// How long the next page of a pull may take, and the leader to apply one.
    pub(crate) page_timeout: Duration,
    /// How long the answer to a push may take.
    pub(crate) push_timeout: Duration,
    /// How long accepted events may take to come by the live pull, before they are pulled.
    pub(crate) echo_timeout: Duration,
    /// After how much silence to ask whether the backend is there.
    pub(crate) ping_after: Duration,
    /// How long the answer may take.
    pub(crate) ping_timeout: Duration,
    /// After how long without a page to pull again, in case one was lost on the way.
    pub(crate) recheck_after: Duration,
}

impl UplinkOptions {
    /// The most events in one push that is not one larger group: what backends like the original's take.
    pub(crate) const BATCH_EVENTS_MAX: usize = 100;
    /// The most payload bytes in one push.
    pub(crate) const BATCH_BYTES_MAX: usize = 900_000;

    /// The least and the longest wait before the next try.
    pub(super) fn retry(&self, is_slow: bool) -> (Duration, Duration) {
        if is_slow { (self.slow_retry_min, self.slow_retry_max) } else { (self.retry_min, self.retry_max) }
    }
}

impl Default for UplinkOptions {
    fn default() -> Self {
        Self {
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(30),
            slow_retry_min: Duration::from_secs(5),
            slow_retry_max: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(15),
            page_timeout: Duration::from_secs(20),
            push_timeout: Duration::from_secs(20),
            echo_timeout: Duration::from_secs(5),
            ping_after: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
            recheck_after: Duration::from_secs(30),
        }
    }
}
