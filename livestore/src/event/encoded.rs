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
    /// The ordinal of the first event in that journal; the others follow it.
    pub(crate) ordinal: u64,
    /// How far behind the first one each event stands, where that is not 0, 1, 2…: client-only events do not leave their client,
    /// and leave gaps in a group that came from another.
    pub(crate) offsets: Option<Box<[u32]>>,
    /// What the event was pending under here, where the backend does not keep ids. The group has one event then.
    pub(crate) was: Option<EventId>,
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
        let offset =
            self.offsets.as_ref().map_or(index as u64, |offsets| offsets.get(index).copied().map_or(0, u64::from));
        EventId::new(self.nonce, self.ordinal + offset)
    }

    /// A group of the events of one journal, none of them left out.
    pub(crate) fn new(
        (nonce, ordinal): (JournalNonce, u64),
        client_id: ClientId,
        session_id: SessionId,
        events: Vec<EncodedEvent>,
    ) -> Self {
        Self { nonce, ordinal, offsets: None, was: None, client_id, session_id, events }
    }

    /// Some of the events, as a group of their own.
    pub(crate) fn part(&self, range: std::ops::Range<usize>) -> Self {
        let ordinal = self.event_id(range.start).parts().1;
        let mut part = Self::new((self.nonce, ordinal), self.client_id.clone(), self.session_id.clone(), Vec::new());
        for index in range {
            if let Some(event) = self.events.get(index) {
                part.push(event.clone(), (self.event_id(index).parts().1 - ordinal) as u32);
            }
        }
        part
    }

    /// Adds the next event; most follow the one before without a gap.
    pub(crate) fn push(&mut self, event: EncodedEvent, offset: u32) {
        let len = self.events.len() as u32;
        if self.offsets.is_some() || offset != len {
            let mut offsets = self.offsets.take().map_or_else(|| (0..len).collect(), Vec::from);
            offsets.push(offset);
            self.offsets = Some(offsets.into());
        }
        self.events.push(event);
    }

    /// Names the group: the id of its first event.
    pub(crate) fn id(&self) -> EventId {
        EventId::new(self.nonce, self.ordinal)
    }

    /// Events that leave the client.
    pub(crate) fn synced_events(&self) -> usize {
        self.events.iter().filter(|event| !event.client_only).count()
    }

    /// The ordinal of the last event.
    pub(crate) fn last_ordinal(&self) -> u64 {
        let offset = self.offsets.as_ref().and_then(|offsets| offsets.last().copied()).map(u64::from);
        self.ordinal + offset.unwrap_or(self.events.len() as u64 - 1)
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
