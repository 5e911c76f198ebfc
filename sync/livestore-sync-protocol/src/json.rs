//! JSON that is kept as it came, and the checks that make reading it cheap and total.

use crate::error::excerpt;
use crate::{DecodeError, Limits};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// One JSON value, as the text it came as.
///
/// Args of events are kept so: TypeScript clients recognise their own events by comparing args (measured on sync-cf 0.4.0), and a
/// number that was rounded or a key that was dropped on the way would be another event.
///
/// ```
/// use livestore_sync_protocol::RawJson;
///
/// let args: RawJson = r#"{ "price": 1.10 }"#.parse()?;
/// assert_eq!(args.text(), r#"{ "price": 1.10 }"#);
/// assert!("{".parse::<RawJson>().is_err());
/// # Ok::<(), livestore_sync_protocol::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Takes a text that is one JSON value, without white space around it.
    ///
    /// # Errors
    /// The text is no JSON, or its values nest deeper than [`Limits::depth`]'s default.
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        check_depth(text.as_bytes(), Limits::default().depth, "args")?;
        RawValue::from_string(text).map(Self).map_err(not_json)
    }

    /// `value` as JSON; `null` where it has no JSON.
    pub fn of(value: &impl Serialize) -> Self {
        serde_json::value::to_raw_value(value).map_or_else(|_| Self(RawValue::NULL.to_owned()), Self)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The text, without a copy.
    #[must_use]
    pub fn into_text(self) -> Box<str> {
        self.0.into()
    }

    pub(crate) fn raw(&self) -> &RawValue {
        &self.0
    }
}

impl std::str::FromStr for RawJson {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

impl From<&RawValue> for RawJson {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

impl PartialEq for RawJson {
    /// By text: `1.0` is not `1`.
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for RawJson {}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Payloads do not belong in logs.
        write!(f, "RawJson({} bytes)", self.text().len())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

/// For a field that may be absent, where `null` is a value and not an absence. Beside `#[serde(default)]`.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// `value` as JSON text. What this crate writes has string keys only, so nothing fails.
pub(crate) fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// How many bytes `value` has as JSON text.
pub(crate) fn len_of(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => 0,
    }
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub(crate) fn not_json(error: serde_json::Error) -> DecodeError {
    DecodeError::NotJson { reason: excerpt(&error.to_string()) }
}

/// The text of a frame: not too large, UTF-8, and not too deep. Costs one pass and no memory.
pub(crate) fn checked_text<'a>(bytes: &'a [u8], what: &'static str, limits: &Limits) -> Result<&'a str, DecodeError> {
    if bytes.len() > limits.frame_bytes {
        return Err(DecodeError::TooLarge { what, bytes: bytes.len(), max: limits.frame_bytes });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| DecodeError::NotUtf8 { at: error.valid_up_to() })?;
    check_depth(bytes, limits.depth + Limits::ENVELOPE_DEPTH, "the values of a frame")?;
    Ok(text)
}

/// Looks at brackets outside strings only: whether it is JSON at all is the parser's to say.
pub(crate) fn check_depth(bytes: &[u8], max: usize, what: &'static str) -> Result<(), DecodeError> {
    // Most values have fewer brackets than may nest; counting them takes no branch.
    let opening: usize = bytes.chunks(255).map(|part| usize::from(opening(part))).sum();
    if opening <= max {
        return Ok(());
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            // Most bytes stand in strings.
            b'"' => at += string_len(bytes.get(at + 1..).unwrap_or_default()),
            b'[' | b'{' => {
                depth += 1;
                if depth > max {
                    return Err(DecodeError::TooDeep { what, max, at });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The bytes of a string up to its closing quote and with it, or of all that there is.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if bytes.get(at - 1) == Some(&b'"') {
            return at;
        }
        // What is escaped is no end.
        at += 1;
    }
    bytes.len()
}

/// How many bytes open an array or an object, of 255 at most: one byte counts them, so that many are looked at in one instruction.
fn opening(part: &[u8]) -> u8 {
    part.iter().fold(0, |count: u8, byte| count.wrapping_add(u8::from(byte | 0x20 == b'{')))
}

/// The first `MAX` items of an array, and how many there were. What is beyond is read over, without memory for it.
#[derive(Debug)]
pub(crate) struct Bounded<T, const MAX: usize> {
    items: Vec<T>,
    count: usize,
}

impl<T, const MAX: usize> Bounded<T, MAX> {
    pub(crate) fn within(self, what: &'static str, max: usize) -> Result<Vec<T>, DecodeError> {
        let max = max.min(MAX);
        if self.count > max {
            return Err(DecodeError::TooMany { what, count: self.count, max });
        }
        Ok(self.items)
    }

    /// Without what is beyond.
    pub(crate) fn cut(self) -> Vec<T> {
        self.items
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
            type Value = Bounded<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                // A full push grows it three times instead of six.
                let mut items = Vec::with_capacity(MAX.min(16));
                while items.len() < MAX {
                    match seq.next_element()? {
                        Some(item) => items.push(item),
                        None => return Ok(Bounded { count: items.len(), items }),
                    }
                }
                let mut count = items.len();
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Bounded { items, count })
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// An optional value as Effect's `Option` is encoded: `{"_tag":"None"}` or `{"_tag":"Some","value":…}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Optional<T>(pub(crate) Option<T>);

impl<T: Serialize> Serialize for Optional<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tagged<'a, T> {
            #[serde(rename = "_tag")]
            _tag: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            value: Option<&'a T>,
        }
        let _tag = if self.0.is_some() { "Some" } else { "None" };
        Tagged { _tag, value: self.0.as_ref() }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Tag {
            None,
            Some,
        }
        #[derive(Deserialize)]
        #[serde(bound = "T: Deserialize<'de>")]
        struct Tagged<T> {
            #[serde(rename = "_tag")]
            _tag: Tag,
            #[serde(default = "absent", deserialize_with = "present")]
            value: Option<T>,
        }
        let tagged = Tagged::deserialize(deserializer)?;
        match (tagged._tag, tagged.value) {
            (Tag::None, _) => Ok(Self(None)),
            (Tag::Some, Some(value)) => Ok(Self(Some(value))),
            (Tag::Some, None) => Err(serde::de::Error::missing_field("value")),
        }
    }
}

fn absent<T>() -> Option<T> {
    None
}
