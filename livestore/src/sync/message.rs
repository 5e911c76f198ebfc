//! The messages between a store and its sync backend, whatever the transport writes on the wire.

use crate::ids::EventId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one backend's log for one store. A backend that was replaced or reset has another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackendId(Box<str>);

impl BackendId {
    /// Takes what the backend says.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A synced event as backends see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncEvent {
    /// Its place in the backend's order; the first is 1, and there are no gaps.
    pub number: u64,
    /// The number before it.
    pub parent: u64,
    /// The wire name.
    pub name: String,
    /// The args as JSON text, byte for byte as they were committed; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Box<str>>,
    /// The client that committed it.
    pub client_id: String,
    /// The client session that committed it.
    pub session_id: String,
    /// The event's identity; `None` where the client or the backend does not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// How many synced events of its commit group still follow; `None` where groups are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<u32>,
}

impl SyncEvent {
    /// Its payload's size in bytes: what limits of batches and pages count.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.name.len() + self.args.as_ref().map_or(0, |args| args.len())
    }
}

/// What a store asks of its backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SyncRequest {
    /// Asks for all events after a number, in pages. At least one page comes, an empty one where there is nothing. A new pull
    /// ends the one before.
    Pull {
        /// The number of the last event that the store holds; 0 for none.
        after: u64,
        /// The backend that the store knows, if any.
        backend_id: Option<BackendId>,
        /// Whether events to come are wanted too, as they come.
        live: bool,
    },
    /// Asks to append these events, all or none. The next answer to a push is the answer to this one.
    Push {
        /// The backend that the store knows.
        backend_id: Option<BackendId>,
        /// In order, without gaps; whole commit groups.
        events: Vec<SyncEvent>,
    },
    /// Asks whether the backend is there.
    Ping,
}

/// What a store hears from its backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SyncMessage {
    /// The connection stands. Comes first, once.
    Connected,
    /// Events that follow what was pulled so far.
    Page(SyncPage),
    /// The push was accepted whole.
    Pushed,
    /// The push was refused; nothing of it was appended.
    PushRefused(PushRefusal),
    /// The answer to a ping.
    Pong,
    /// What was asked for is on its way, or what was sent: its bytes move, slowly. Waits for it begin again. To be said now and then,
    /// as long as it is so, and never of a line on which nothing moves.
    Moving,
    /// The connection is over. Comes last; the store connects again when it is time.
    Disconnected(SyncError),
}

/// A part of the backend's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPage {
    /// Whose log it is.
    pub backend_id: BackendId,
    /// Whether this backend keeps event ids and commit groups. One that does not (the original's) strips both.
    pub keeps_identity: bool,
    /// In order, without gaps. Whole commit groups where the backend keeps them.
    pub events: Vec<SyncEvent>,
    /// Whether more is there already.
    pub info: PageInfo,
    /// The number of the log's last event; `None` where the backend does not say. One below what the store asked to pull after
    /// means that the backend lost events: an empty page alone would not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
}

impl SyncPage {
    /// The most events in a page: one commit group of the largest size fits.
    pub const EVENTS_MAX: usize = 1_000;
    /// The most payload bytes in a page, see [`SyncEvent::bytes`].
    pub const BYTES_MAX: usize = 1_000_000;
}

/// What follows a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PageInfo {
    /// Nothing, for now.
    Last,
    /// So many events.
    More(u64),
    /// Some, the backend does not say how many.
    MoreUnknown,
}

/// Why a push was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PushRefusal {
    /// Others were first: pull, then push again on top. A head below what the store holds means that the backend lost events.
    #[error("the backend is ahead, at e{head}")]
    ServerAhead {
        /// The number of the backend's last event.
        head: u64,
    },
    /// The backend will never take this event. It leaves pending, kept aside; those after it go on.
    #[error("the backend rejected e{number}: {reason}")]
    Rejected {
        /// The number that the event was pushed with.
        number: u64,
        /// Why.
        reason: String,
    },
    /// The backend has another id than the store knows: it was replaced or reset.
    #[error("this is backend `{found}`")]
    OtherBackend {
        /// Its id.
        found: BackendId,
    },
    /// The backend could not take it now, and may later.
    #[error("the backend cannot take events now: {reason}")]
    Busy {
        /// Why.
        reason: String,
    },
}

/// Why a connection ended, or did not come about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum SyncError {
    /// The backend cannot be reached. Normal; tried again.
    #[error("offline: {reason}")]
    Offline {
        /// What the transport says.
        reason: String,
    },
    /// The backend does not let this client in. Tried again, because credentials can be renewed.
    #[error("not authorized: {reason}")]
    Unauthorized {
        /// What the backend says.
        reason: String,
    },
    /// The backend is another one than the store was synced with: it was replaced or reset, or the address is another one's. The store's
    /// [`OnOtherBackend`](crate::OnOtherBackend) decides what comes next; where that is to go on, this is shown until the store has
    /// pulled from the new one, and nothing is wrong.
    #[error(
        "the backend is `{found}` now, the store was synced with `{known}`: by its `on_other_backend` it goes on with the new one, \
         after what was here is pending again (`Rejoin`) or kept aside (`KeepAside`), or stops (`Stop`)"
    )]
    OtherBackend {
        /// The backend that is there.
        found: BackendId,
        /// The one that the store was synced with.
        known: BackendId,
    },
    /// The other side broke the protocol. Tried again, slowly.
    #[error("the backend broke the protocol: {reason}")]
    Protocol {
        /// What it did.
        reason: String,
    },
    /// The backend is there and takes no events of this client now, for example because it may only read. They stay pending; tried
    /// again. Until it takes some, this is the last error, also while pulling goes on.
    #[error("the backend takes no events: {reason}")]
    Refused {
        /// What the backend says.
        reason: String,
    },
}
