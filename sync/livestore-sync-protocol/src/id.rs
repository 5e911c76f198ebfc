//! Ids on the wire: of requests, of events, of backends, of stores.

use crate::DecodeError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Which of the two encodings of the RPC envelope the other side speaks. The JSON type of its request ids tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Effect 3: ids are strings, causes are trees, absent args stay absent (measured on sync-cf 0.4.0).
    Effect3,
    /// Effect 4: ids are numbers, causes are arrays, absent args are sent as `null`, because its clients refuse an event without
    /// the key (read in the sources of August 2026).
    Effect4,
}

/// Names a request on one connection. Echoed as it came.
///
/// ```
/// use livestore_sync_protocol::{Dialect, RequestId};
/// assert_eq!(RequestId::text("0").dialect(), Dialect::Effect3);
/// assert_eq!(RequestId::Number(0).dialect(), Dialect::Effect4);
/// assert_ne!(RequestId::text("0"), RequestId::Number(0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestId {
    /// A number.
    Number(u64),
    /// A string; clients of sync-cf 0.4.0 send decimal numbers in it, and its server takes nothing else.
    Text(Box<str>),
}

impl RequestId {
    /// The longest, in bytes.
    pub const LEN_MAX: usize = 64;

    /// A string id.
    #[must_use]
    pub fn text(id: impl Into<Box<str>>) -> Self {
        Self::Text(id.into())
    }

    /// The dialect of whoever uses such ids.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Number(_) => Dialect::Effect4,
            Self::Text(_) => Dialect::Effect3,
        }
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// By hand: serde's untagged enums hold what they read in memory, many times its size.
impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;
        impl serde::de::Visitor<'_> for Id {
            type Value = RequestId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a request id: a number, or a string of at most {} bytes", RequestId::LEN_MAX)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<RequestId, E> {
                Ok(RequestId::Number(number))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RequestId, E> {
                if text.len() > RequestId::LEN_MAX {
                    return Err(E::invalid_length(text.len(), &self));
                }
                Ok(RequestId::text(text))
            }
        }
        deserializer.deserialize_any(Id)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The identity of an event: 128 bits, on the wire 32 hexadecimal digits in the optional field `id`. TypeScript clients neither
/// send nor read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// By hand: every event that is pushed is read and written once, and numbers of 128 bits are slow.
    fn digits<'a>(&self, digits: &'a mut [u8; 32]) -> &'a str {
        for (byte, pair) in self.0.iter().zip(digits.as_chunks_mut::<2>().0) {
            *pair = [byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
        std::str::from_utf8(digits).unwrap_or_default()
    }

    fn of_digits(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; 32] = digits.try_into().ok()?;
        let mut id = [0; 16];
        for (byte, [high, low]) in id.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(id))
    }
}

const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        f.write_str(self.digits(&mut digits))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for EventId {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::of_digits(text.as_bytes())
            .ok_or_else(|| DecodeError::malformed("event id", format_args!("`{text}` is not 32 hexadecimal digits")))
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.digits(&mut [0; 32]))
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = EventId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 hexadecimal digits")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<EventId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Names one backend's log for one store.
///
/// Made with the store, never changed. Clients of sync-cf 0.4.0 put it into SQL text as it is, so it has no quotes: only letters,
/// digits, `_`, `-`, `.` and `:`.
///
/// ```
/// use livestore_sync_protocol::BackendId;
/// assert!(BackendId::new("hl9OCmt6XPXpwjDC75t2n").is_ok());
/// assert!(BackendId::new("x'; drop table eventlog; --").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BackendId(Box<str>);

impl BackendId {
    /// The longest, in bytes.
    pub const LEN_MAX: usize = 100;

    /// Checks the text.
    ///
    /// # Errors
    /// It is empty, too long, or has another character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, DecodeError> {
        let text = text.as_ref();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if (1..=Self::LEN_MAX).contains(&text.len()) && text.bytes().all(is_plain) {
            return Ok(Self(text.into()));
        }
        let reason = format_args!("`{text}` is not 1 to {} letters, digits, `_`, `-`, `.` or `:`", Self::LEN_MAX);
        Err(DecodeError::malformed("backend id", reason))
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

impl<'de> Deserialize<'de> for BackendId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

/// The longest store id, in bytes.
pub const STORE_ID_LEN_MAX: usize = 100;

/// Checks a store id: 1 to 100 letters, digits, `_` and `-`, as the TypeScript documentation asks.
///
/// The server of sync-cf 0.4.0 takes any text, the empty one too; this project's takes these only.
///
/// # Errors
/// It is empty, too long, or has another character.
///
/// ```
/// use livestore_sync_protocol::check_store_id;
/// assert!(check_store_id("todos").is_ok());
/// assert!(check_store_id("../etc").is_err());
/// ```
pub fn check_store_id(text: &str) -> Result<(), DecodeError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=STORE_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(());
    }
    let reason = format_args!("`{text}` is not 1 to {STORE_ID_LEN_MAX} letters, digits, `_` or `-`");
    Err(DecodeError::malformed("store id", reason))
}
