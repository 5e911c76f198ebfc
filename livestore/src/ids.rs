//! Names and identities. Pure: whoever mints an id brings the entropy.

use std::fmt;
use std::sync::Arc;

/// Which eventlog a store works on.
///
/// Letters, digits, `_` and `-`, at most [`StoreId::LEN_MAX`] of them. Two ids that differ in case only are two stores,
/// on every file system.
///
/// ```
/// use livestore::StoreId;
/// assert_eq!(StoreId::new("todos")?.as_str(), "todos");
/// assert!(StoreId::new("../etc").is_err());
/// # Ok::<(), livestore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(Arc<str>);

/// A text that is no store id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store id `{}` is not valid: 1 to {} letters, digits, `_` or `-`", .0.escape_debug(), StoreId::LEN_MAX)]
pub struct InvalidStoreId(String);

impl StoreId {
    /// The longest store id, in bytes: its folder name fits every file system.
    pub const LEN_MAX: usize = 100;

    /// Checks the text.
    ///
    /// # Errors
    /// The text is empty, too long, or has another character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidStoreId> {
        let text = text.as_ref();
        let is_valid = (1..=Self::LEN_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if is_valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidStoreId(text.chars().take(Self::LEN_MAX + 1).collect()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder's name: capitals are marked, so that no two ids share a folder where case is folded.
    pub(crate) fn folder(&self) -> String {
        let mut name = String::from("store-");
        for char in self.0.chars() {
            if char.is_ascii_uppercase() {
                name.push('+');
            }
            name.push(char.to_ascii_lowercase());
        }
        name
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Minting: `random(n)` gives `n` random bytes.
type Random<'a> = &'a dyn Fn(usize) -> Vec<u8>;

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub(crate) fn mint(random: Random<'_>) -> Self {
                Self(nanoid::format(random, &nanoid::alphabet::SAFE, $len).into())
            }

            pub(crate) fn from_stored(text: &str) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_id! {
    /// The name of a client: a nanoid of 6 characters that belongs to a data directory and is kept there.
    ///
    /// It names, it does not identify: an event's identity is its [`EventId`].
    ClientId, 6
}

name_id! {
    /// The name of a client session: 22 characters, minted for each open handle and never reused.
    SessionId, 22
}

/// 88 random bits that a journal is born with: the first part of every event id that it hands out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JournalNonce(pub(crate) [u8; 11]);

impl JournalNonce {
    pub(crate) fn mint(random: Random<'_>) -> Self {
        let bytes = random(11);
        let mut nonce = [0; 11];
        nonce.copy_from_slice(&bytes[..11]);
        Self(nonce)
    }
}

impl fmt::Debug for JournalNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for JournalNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The identity of an event: 128 bits, the journal's nonce (88) and the event's ordinal in it (40).
///
/// ```
/// # use livestore::EventId;
/// fn show(id: EventId) -> String {
///     id.to_string() // 32 hexadecimal digits
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; 16]);

impl EventId {
    /// The ordinal of a journal's first event.
    pub(crate) const ORDINAL_MIN: u64 = 1;
    /// The most events one journal can name.
    pub(crate) const ORDINAL_MAX: u64 = (1 << 40) - 1;

    pub(crate) fn new(nonce: JournalNonce, ordinal: u64) -> Self {
        let mut bytes = [0; 16];
        bytes[..11].copy_from_slice(&nonce.0);
        bytes[11..].copy_from_slice(&ordinal.to_be_bytes()[3..]);
        Self(bytes)
    }

    /// The journal's nonce and the ordinal that the id was made of.
    pub(crate) fn parts(self) -> (JournalNonce, u64) {
        let mut nonce = [0; 11];
        nonce.copy_from_slice(&self.0[..11]);
        let mut ordinal = [0; 8];
        ordinal[3..].copy_from_slice(&self.0[11..]);
        (JournalNonce(nonce), u64::from_be_bytes(ordinal))
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no event id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an event id; expected 32 hexadecimal digits", .0.escape_debug())]
pub struct InvalidEventId(String);

impl std::str::FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let invalid = || InvalidEventId(text.chars().take(40).collect());
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| invalid())?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl serde::Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_folders_differ_where_the_file_system_folds_case() {
        let folder = |text| StoreId::new(text).unwrap().folder();
        let folders = ["a-b", "a_b", "A-b", "a-B", "ab"].map(folder);
        for (index, folder) in folders.iter().enumerate() {
            assert_eq!(*folder, folder.to_lowercase());
            assert!(!folders[..index].contains(folder), "{folder}");
        }
    }

    #[test]
    fn store_ids_are_checked() {
        for text in ["", "a b", "../a", "a\0", "é", &"a".repeat(101)] {
            assert!(StoreId::new(text).is_err(), "{text:?}");
        }
        assert!(StoreId::new("a".repeat(100)).is_ok());
    }

    #[test]
    fn event_ids_keep_their_text() {
        let id = EventId::new(JournalNonce([0xab; 11]), 1 << 33);
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<EventId>(&json).unwrap(), id);
        for text in ["", "ab", &"g".repeat(32), &"+".repeat(32), &"a".repeat(33), "éééééééééééééééé"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    #[test]
    fn event_ids_order_by_ordinal_within_a_journal() {
        let nonce = JournalNonce([7; 11]);
        assert!(EventId::new(nonce, 255) < EventId::new(nonce, 256));
        assert!(EventId::new(nonce, 1) < EventId::new(nonce, EventId::ORDINAL_MAX));
    }
}
