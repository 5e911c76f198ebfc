use super::{BackendId, SyncError};
use crate::ids::EventId;
use serde::{Deserialize, Serialize};

/// How a store's sync is doing, at both hops: this session to its leader, and the leader to the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncStatus {
    /// Events of this session that the leader has not taken yet. They are safe in the journal.
    pub session_pending: usize,
    /// Synced events of this client that the backend has not confirmed. What the store confirmed by itself before it met a backend is
    /// among them; in a store that was opened without a provider and never had one nothing is.
    pub pending: usize,
    /// The number of the last event that a backend confirmed; 0 where none was met yet.
    pub synced: u64,
    /// What the leader's connection does.
    pub state: SyncState,
    /// The backend that confirms, once one was met.
    pub backend_id: Option<BackendId>,
    /// Whether the backend keeps event ids and commit groups. One that does not confirms each event alone.
    pub keeps_identity: bool,
    /// Why the last connection ended, `None` since one works again; or, on one that works, why the backend takes no events
    /// ([`SyncError::Refused`]), until it takes some.
    pub last_error: Option<SyncError>,
    /// How long until something that failed is tried again, in milliseconds.
    pub next_retry_ms: Option<u64>,
    /// Commit groups that the backend rejected; the last 1,000 of them. They are kept in the eventlog's file.
    pub rejected: Vec<Rejected>,
}

/// What a leader's connection to its backend does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum SyncState {
    /// The store was opened without a provider.
    #[default]
    Off,
    /// This store was opened with a provider, and the process that leads its directory without one: nothing is synced. It is as soon as
    /// that process opens the store with a provider, or ends: the process that leads then syncs with the provider that it has itself.
    OffAtLeader,
    /// A connection is being made.
    Connecting,
    /// What is there already is being pulled.
    CatchingUp {
        /// Events that came so far.
        done: u64,
        /// Events that come in all, where the backend says so.
        total: Option<u64>,
    },
    /// Everything was pulled, and what comes is pulled as it comes.
    Live,
    /// Not connected; tried again in a while, see [`SyncStatus::next_retry_ms`].
    Waiting,
    /// It goes no further by itself.
    Stopped {
        /// Why, and what to do.
        reason: String,
    },
}

/// A commit group that the backend rejected. It left the pending part and state; those after it go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Rejected {
    /// The id of its first event.
    pub id: EventId,
    /// How many events it has.
    pub events: usize,
    /// The wire name of its first event.
    pub event: String,
    /// What the backend said.
    pub reason: String,
}

impl Rejected {
    pub(crate) fn new(id: EventId, events: usize, event: String, reason: String) -> Self {
        Self { id, events, event, reason }
    }
}

impl SyncStatus {
    /// Whether nothing waits here: all that this client committed is confirmed, and all that it knows the backend to have was pulled. What
    /// others push in this moment is on its way, and this does not know of it.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.session_pending == 0 && self.pending == 0 && self.state == SyncState::Live
    }

    /// Whether waiting alone brings nothing more.
    pub(crate) fn is_off(&self) -> bool {
        matches!(self.state, SyncState::Off | SyncState::OffAtLeader | SyncState::Stopped { .. })
    }

    /// Whether an open that waits for the backend goes on: with what it holds, or because that does not come by waiting.
    pub(crate) fn ends_initial_sync(&self) -> bool {
        let is_shut_out = matches!(self.last_error, Some(SyncError::Unauthorized { .. }));
        self.state == SyncState::Live || self.is_off() || is_shut_out
    }
}

/// What to do when the backend is another one than the store was synced with: it was replaced, reset, or the address is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnOtherBackend {
    /// Goes on with the new one: what it does not hold becomes pending again and is pushed to it. Nothing is lost.
    #[default]
    Rejoin,
    /// Goes on with the new one's log alone. What was here, pending events too, is kept aside in a copy of the eventlog,
    /// `eventlog-kept-N.db`, which [`StoreStatus::kept_aside`](crate::StoreStatus::kept_aside) names. Of events that no backend has
    /// confirmed that file is the only copy: before you remove it, read it with [`kept_events`](crate::kept_events), and commit again
    /// what you want of it. A store in memory has no place for a copy, and stops as with [`Stop`](Self::Stop).
    KeepAside,
    /// Stops syncing and says so. Commits go on, and stay pending.
    Stop,
}

/// Whether opening a store waits for its backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitialSync {
    /// Opens at once with what is there; syncs behind the application's back.
    #[default]
    Skip,
    /// Waits until everything that the backend held is pulled, at most so long. Opens all the same when the time is over, and at once
    /// where waiting does not help: sync is off or stopped, or the backend does not let this client in. See
    /// [`Store::sync_status`](crate::Store::sync_status) for why.
    Blocking(std::time::Duration),
}
