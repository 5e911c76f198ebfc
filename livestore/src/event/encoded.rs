use super::EventDef;
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use std::borrow::Cow;

/// A wire name; borrowed from the definition where the schema knows the event.
pub(crate) type EventName = Cow<'static, str>;

/// An event as the journal and the eventlog hold it. The payload is encoded once and kept byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EncodedEvent {
    pub(crate) name: EventName,
    pub(crate) client_only: bool,
    /// JSON text; `None` where there are no args at all.
    pub(crate) args: Option<Box<str>>,
}

impl EncodedEvent {
    pub(crate) fn new(def: &'static EventDef, args: Option<Box<str>>) -> Self {
        Self { name: Cow::Borrowed(def.name), client_only: def.client_only, args }
    }

    /// What the event adds to the size of its group.
    pub(crate) fn bytes(&self) -> usize {
        self.name.len() + self.args.as_ref().map_or(0, |args| args.len())
    }
}

/// The events of one commit: applied, stored, sent and skipped as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CommitGroup {
    /// The journal that named the events.
    pub(crate) nonce: JournalNonce,
    /// The ordinal of the first event in that journal; the others follow.
    pub(crate) ordinal: u64,
    pub(crate) client_id: ClientId,
    pub(crate) session_id: SessionId,
    pub(crate) events: Vec<EncodedEvent>,
}

impl CommitGroup {
    /// The most events in one group.
    pub(crate) const EVENTS_MAX: usize = 1_000;
    /// The largest encoded size of one group, in bytes.
    pub(crate) const BYTES_MAX: usize = 900_000;

    pub(crate) fn event_id(&self, index: usize) -> EventId {
        EventId::new(self.nonce, self.ordinal + index as u64)
    }

    /// The ordinal of the last event.
    pub(crate) fn last_ordinal(&self) -> u64 {
        self.ordinal + self.events.len() as u64 - 1
    }

    pub(crate) fn meta(&self, index: usize) -> EventMeta {
        EventMeta { id: self.event_id(index), client_id: self.client_id.clone(), session_id: self.session_id.clone() }
    }
}

/// What a materializer may know of an event beside its payload.
///
/// There is no sequence number and no time here: both can differ between clients when the event is materialized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMeta {
    /// The event's identity.
    pub id: EventId,
    /// The client that committed it.
    pub client_id: ClientId,
    /// The client session that committed it.
    pub session_id: SessionId,
}
