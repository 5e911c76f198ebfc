use crate::json::{check_depth, present};
use crate::{DecodeError, Dialect, EventId, Limits, Optional, RawJson};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// An event as it travels.
///
/// The first six fields are those of TypeScript LiveStore; `id` and `rest` are this project's, absent from what TypeScript
/// clients send, and ignored by them (measured on sync-cf 0.4.0).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The event's wire name.
    pub name: String,
    /// The args, byte for byte; `None` where the field is absent, which is not the same as `null`: void events are sent without
    /// args, and a client compares.
    #[serde(default, deserialize_with = "present")]
    pub args: Option<RawJson>,
    /// Its place in the backend's order; the first is 1.
    #[serde(rename = "seqNum")]
    pub number: u64,
    /// The number before it.
    #[serde(rename = "parentSeqNum")]
    pub parent: u64,
    /// The client that committed it.
    pub client_id: String,
    /// The client session that committed it.
    pub session_id: String,
    /// Its identity, where the client and the backend keep it. Field `id`.
    #[serde(default)]
    pub id: Option<EventId>,
    /// How many events of its commit group still follow, where groups are kept. Field `group`.
    #[serde(default, rename = "group")]
    pub rest: Option<u32>,
}

impl Event {
    /// The bytes of its payload, name and args: what the limits of commit groups count.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.name.len() + self.args.as_ref().map_or(0, |args| args.text().len())
    }

    /// The bytes of it as JSON, as an Effect 3 client would count them.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        // Counted, not written: every push asks it of every event.
        let args = self.args.as_ref().map_or(0, |args| r#","args":"#.len() + args.text().len());
        let id = self.id.map_or(0, |_| r#","id":"""#.len() + 32);
        let group = self.rest.map_or(0, |rest| r#","group":"#.len() + digits(rest.into()));
        let texts = text_bytes(&self.name) + text_bytes(&self.client_id) + text_bytes(&self.session_id);
        let fields = r#"{"name":"","seqNum":,"parentSeqNum":,"clientId":"","sessionId":""}"#.len();
        fields + texts + args + digits(self.number) + digits(self.parent) + id + group
    }

    /// Whether it is the last of its commit group; an event without a group is one of its own.
    #[must_use]
    pub fn ends_group(&self) -> bool {
        self.rest.unwrap_or(0) == 0
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        let texts = [("event name", &self.name), ("client id", &self.client_id), ("session id", &self.session_id)];
        for (what, text) in texts {
            if text.len() > limits.text_bytes {
                return Err(DecodeError::TooLarge { what, bytes: text.len(), max: limits.text_bytes });
            }
        }
        match &self.args {
            Some(args) => check_depth(args.text().as_bytes(), limits.depth, "the args of an event"),
            None => Ok(()),
        }
    }

    pub(crate) const fn in_dialect(&self, dialect: Dialect) -> EventIn<'_> {
        EventIn { event: self, dialect }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.in_dialect(Dialect::Effect3).serialize(serializer)
    }
}

/// An event as one dialect writes it.
pub(crate) struct EventIn<'a> {
    event: &'a Event,
    dialect: Dialect,
}

impl Serialize for EventIn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            args: Option<&'a RawValue>,
            seq_num: u64,
            parent_seq_num: u64,
            client_id: &'a str,
            session_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<EventId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            group: Option<u32>,
        }
        let Self { event, dialect } = self;
        let args = match (&event.args, dialect) {
            (Some(args), _) => Some(args.raw()),
            (None, Dialect::Effect3) => None,
            // "Missing key" ends the pull of an Effect 4 client.
            (None, Dialect::Effect4) => Some(RawValue::NULL),
        };
        let fields = Fields {
            name: &event.name,
            args,
            seq_num: event.number,
            parent_seq_num: event.parent,
            client_id: &event.client_id,
            session_id: &event.session_id,
            id: event.id,
            group: event.rest,
        };
        fields.serialize(serializer)
    }
}

const fn digits(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(tens) => tens as usize + 1,
        None => 1,
    }
}

/// The bytes of a text within JSON, without its quotes.
fn text_bytes(text: &str) -> usize {
    let bytes = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(bytes).sum()
}

/// An event as the backend holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledEvent {
    /// The event.
    pub event: Event,
    /// When the backend took it, by its own clock: ISO 8601 in UTC with milliseconds. Says something to people only.
    pub created_at: Option<Box<str>>,
}

const METADATA_TAG: &str = "SyncMessage.SyncMetadata";

impl PulledEvent {
    pub(crate) const fn in_dialect(&self, dialect: Dialect) -> PulledEventIn<'_> {
        PulledEventIn { pulled: self, dialect }
    }
}

pub(crate) struct PulledEventIn<'a> {
    pulled: &'a PulledEvent,
    dialect: Dialect,
}

impl Serialize for PulledEventIn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata<'a> {
            #[serde(rename = "_tag")]
            _tag: &'static str,
            created_at: &'a str,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            event_encoded: EventIn<'a>,
            metadata: Optional<Metadata<'a>>,
        }
        let created_at = self.pulled.created_at.as_deref();
        let metadata = Optional(created_at.map(|created_at| Metadata { _tag: METADATA_TAG, created_at }));
        Fields { event_encoded: self.pulled.event.in_dialect(self.dialect), metadata }.serialize(serializer)
    }
}

impl Serialize for PulledEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.in_dialect(Dialect::Effect3).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PulledEvent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Other backends put other metadata here; what is not known is left out.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            #[serde(default)]
            created_at: Option<Box<str>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields {
            event_encoded: Event,
            #[serde(default)]
            metadata: Option<Optional<Metadata>>,
        }
        let fields = Fields::deserialize(deserializer)?;
        let created_at = fields.metadata.and_then(|metadata| metadata.0).and_then(|metadata| metadata.created_at);
        Ok(Self { event: fields.event_encoded, created_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_as_they_are_written() {
        let check = |text: &str, args: Option<&str>, number: u64, id: Option<EventId>, rest: Option<u32>| {
            let event = Event {
                name: text.into(),
                args: args.map(|args| RawJson::of(&args)),
                number,
                parent: number.saturating_sub(1),
                client_id: text.into(),
                session_id: format!("{text}{text}"),
                id,
                rest,
            };
            let written = crate::json::text_of(&event);
            assert_eq!(event.json_bytes(), written.len(), "{written}");
        };
        check("v1.Noted", None, 1, None, None);
        check("", Some(""), 0, None, Some(0));
        check("ä€😀\u{7f}\u{2028}", Some("{}"), 10, Some(EventId([0; 16])), Some(9));
        let all: String = (0..0x80_u8).map(char::from).collect();
        check(&all, Some(&all), Limits::NUMBER, Some(EventId([255; 16])), Some(u32::MAX));
        check("/", Some("x"), u64::MAX, None, Some(10));
    }
}
