//! The sync messages inside the envelopes: what is pulled and pushed.

use crate::event::PulledEventIn;
use crate::json::{Bounded, Optional, present};
use crate::{BackendId, DecodeError, Dialect, Event, Limits, PulledEvent, RawJson};
use serde::{Deserialize, Serialize, Serializer};

/// Where a pull goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// The backend that the client knows, in the client's words.
    pub backend_id: Box<str>,
    /// The number of the last event that it holds.
    #[serde(rename = "eventSequenceNumber")]
    pub number: u64,
}

/// Asks for the events after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// The store. The connection's own store counts; a server refuses another one here.
    pub store_id: String,
    /// The sync payload of the application, which was authenticated when the connection was made.
    pub payload: Option<RawJson>,
    /// Whether events to come are wanted too; absent over HTTP.
    pub live: Option<bool>,
    /// What the client holds; `None` to begin at the start.
    pub cursor: Option<Cursor>,
    /// Whether pages shall not cut commit groups. Field `wholeGroups`, this project's; TypeScript clients do not send it.
    pub whole_groups: bool,
}

/// Asks to append events, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRequest {
    /// As in [`PullRequest`].
    pub store_id: String,
    /// As in [`PullRequest`].
    pub payload: Option<RawJson>,
    /// The events, in order. None is a push too: it succeeds, without an effect.
    pub batch: Vec<Event>,
    /// The backend that the client knows; a client that never pulled knows none.
    pub backend_id: Option<Box<str>>,
}

/// Asks over HTTP whether the backend is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingRequest {
    /// As in [`PullRequest`].
    pub store_id: String,
    /// As in [`PullRequest`].
    pub payload: Option<RawJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PullWire {
    store_id: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    payload: Option<RawJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live: Option<bool>,
    cursor: Optional<Cursor>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    whole_groups: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(bound(deserialize = "B: Deserialize<'de>"))]
pub(crate) struct PushWire<B> {
    store_id: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    payload: Option<RawJson>,
    batch: B,
    backend_id: Optional<Box<str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PingWire {
    store_id: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    payload: Option<RawJson>,
}

/// A batch on the wire, which is read no further than the largest commit group.
pub(crate) type Batch<T> = Bounded<T, { Limits::GROUP_EVENTS }>;

impl PullRequest {
    pub(crate) fn from_wire(wire: PullWire, limits: &Limits) -> Result<Self, DecodeError> {
        check_text("store id", &wire.store_id, limits)?;
        let PullWire { store_id, payload, live, cursor, whole_groups } = wire;
        if let Some(cursor) = &cursor.0 {
            check_text("backend id", &cursor.backend_id, limits)?;
        }
        Ok(Self { store_id, payload, live, cursor: cursor.0, whole_groups })
    }
}

impl Serialize for PullRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { store_id, payload, live, cursor, whole_groups } = self.clone();
        PullWire { store_id, payload, live, cursor: Optional(cursor), whole_groups }.serialize(serializer)
    }
}

impl PushRequest {
    pub(crate) fn from_wire(wire: PushWire<Batch<Event>>, limits: &Limits) -> Result<Self, DecodeError> {
        check_text("store id", &wire.store_id, limits)?;
        if let Some(backend_id) = &wire.backend_id.0 {
            check_text("backend id", backend_id, limits)?;
        }
        let batch = wire.batch.within("events in a push", limits.batch_events)?;
        batch.iter().try_for_each(|event| event.check(limits))?;
        Ok(Self { store_id: wire.store_id, payload: wire.payload, batch, backend_id: wire.backend_id.0 })
    }
}

impl Serialize for PushRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (store_id, payload) = (self.store_id.clone(), self.payload.clone());
        let backend_id = Optional(self.backend_id.clone());
        PushWire { store_id, payload, batch: &self.batch, backend_id }.serialize(serializer)
    }
}

impl PingRequest {
    pub(crate) fn from_wire(wire: PingWire, limits: &Limits) -> Result<Self, DecodeError> {
        check_text("store id", &wire.store_id, limits)?;
        Ok(Self { store_id: wire.store_id, payload: wire.payload })
    }
}

impl Serialize for PingRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PingWire { store_id: self.store_id.clone(), payload: self.payload.clone() }.serialize(serializer)
    }
}

pub(crate) fn check_text(what: &'static str, text: &str, limits: &Limits) -> Result<(), DecodeError> {
    if text.len() > limits.text_bytes {
        return Err(DecodeError::TooLarge { what, bytes: text.len(), max: limits.text_bytes });
    }
    Ok(())
}

/// What follows a page. A sequence of pages has to end with [`PageInfo::NoMore`]: until then clients of sync-cf 0.4.0 hold their
/// own commits back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageInfo {
    /// Nothing, for now.
    NoMore,
    /// So many events.
    MoreKnown {
        /// How many.
        remaining: u64,
    },
    /// Some, the backend does not say how many.
    MoreUnknown,
}

/// By hand: serde's own tagged enums hold what they read in memory, many times its size.
#[derive(Serialize, Deserialize)]
struct PageInfoWire {
    #[serde(rename = "_tag")]
    _tag: PageInfoTag,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
}

#[derive(Serialize, Deserialize)]
enum PageInfoTag {
    NoMore,
    MoreKnown,
    MoreUnknown,
}

impl Serialize for PageInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (_tag, remaining) = match *self {
            Self::NoMore => (PageInfoTag::NoMore, None),
            Self::MoreKnown { remaining } => (PageInfoTag::MoreKnown, Some(remaining)),
            Self::MoreUnknown => (PageInfoTag::MoreUnknown, None),
        };
        PageInfoWire { _tag, remaining }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PageInfo {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = PageInfoWire::deserialize(deserializer)?;
        match (wire._tag, wire.remaining) {
            (PageInfoTag::NoMore, _) => Ok(Self::NoMore),
            (PageInfoTag::MoreKnown, Some(remaining)) => Ok(Self::MoreKnown { remaining }),
            (PageInfoTag::MoreKnown, None) => Err(serde::de::Error::missing_field("remaining")),
            (PageInfoTag::MoreUnknown, _) => Ok(Self::MoreUnknown),
        }
    }
}

impl PageInfo {
    /// What follows a page that ends at `last`, where the log ends at `head`.
    #[must_use]
    pub const fn after(last: u64, head: u64) -> Self {
        match head.saturating_sub(last) {
            0 => Self::NoMore,
            remaining => Self::MoreKnown { remaining },
        }
    }
}

/// What this project's server says of itself with every page, in the field `capabilities`. Other servers do not have it, and
/// TypeScript clients ignore it (measured on sync-cf 0.4.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Whether it keeps event ids and commit groups.
    #[serde(default)]
    pub identity: bool,
    /// The number of the log's last event. One below the client's cursor means that the backend lost events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullResponse {
    /// In ascending order. A pull that finds nothing is answered by one empty page.
    pub batch: Vec<PulledEvent>,
    /// Whether more is there already.
    pub page_info: PageInfo,
    /// Whose log it is.
    pub backend_id: BackendId,
    /// What this project's server adds.
    pub capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PullResponseWire {
    batch: Batch<PulledEvent>,
    page_info: PageInfo,
    backend_id: BackendId,
    #[serde(default)]
    capabilities: Option<Capabilities>,
}

impl PullResponse {
    pub(crate) fn from_wire(wire: PullResponseWire, limits: &Limits) -> Result<Self, DecodeError> {
        let batch = wire.batch.within("events in a page", limits.batch_events)?;
        batch.iter().try_for_each(|pulled| pulled.event.check(limits))?;
        let PullResponseWire { page_info, backend_id, capabilities, .. } = wire;
        Ok(Self { batch, page_info, backend_id, capabilities })
    }

    pub(crate) fn borrowed(&self) -> PageRef<'_> {
        PageRef {
            batch: &self.batch,
            page_info: self.page_info,
            backend_id: &self.backend_id,
            capabilities: self.capabilities,
        }
    }
}

impl Serialize for PullResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.borrowed().in_dialect(Dialect::Effect3).serialize(serializer)
    }
}

/// A page whose events are somebody else's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRef<'a> {
    pub(crate) batch: &'a [PulledEvent],
    pub(crate) page_info: PageInfo,
    pub(crate) backend_id: &'a BackendId,
    pub(crate) capabilities: Option<Capabilities>,
}

impl<'a> PageRef<'a> {
    pub(crate) const fn in_dialect(self, dialect: Dialect) -> PageIn<'a> {
        PageIn { page: self, dialect }
    }
}

pub(crate) struct PageIn<'a> {
    page: PageRef<'a>,
    dialect: Dialect,
}

impl Serialize for PageIn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Events<'a>(&'a [PulledEvent], Dialect);
        impl Serialize for Events<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let items = self.0.iter().map(|pulled| -> PulledEventIn<'_> { pulled.in_dialect(self.1) });
                serializer.collect_seq(items)
            }
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            batch: Events<'a>,
            page_info: PageInfo,
            backend_id: &'a BackendId,
            #[serde(skip_serializing_if = "Option::is_none")]
            capabilities: Option<Capabilities>,
        }
        let PageRef { batch, page_info, backend_id, capabilities } = self.page;
        let fields = Fields { batch: Events(batch, self.dialect), page_info, backend_id, capabilities };
        fields.serialize(serializer)
    }
}
