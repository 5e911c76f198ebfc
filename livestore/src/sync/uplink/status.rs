use crate::sync::SyncError;
use std::time::Duration;

/// How an uplink is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UplinkStatus {
    pub(crate) state: UplinkState,
    /// Why the last connection ended, `None` since a page came; else why this one takes no push.
    pub(crate) last_error: Option<SyncError>,
    /// When something that failed is tried again.
    pub(crate) next_retry: Option<Duration>,
}

/// What an uplink is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UplinkState {
    Connecting,
    /// Pulling what is there already.
    CatchingUp {
        /// Events that came in this pull.
        done: u64,
        /// Events that this pull brings, where the backend says so.
        total: Option<u64>,
    },
    /// All that is there was pulled, and what comes is pulled as it comes.
    Live,
    Waiting {
        retry_at: Duration,
    },
    Stopped,
}
