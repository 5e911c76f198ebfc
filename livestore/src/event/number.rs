use std::fmt;
use std::str::FromStr;

/// An event's place in the eventlog: `e5` (synced), `e5.2` (the second client-only event after it), `e5r1` (after
/// one rebase).
///
/// Ordered by global part, then client part, then rebase generation.
///
/// ```
/// use livestore::SequenceNumber;
/// let number: SequenceNumber = "e5.2r1".parse()?;
/// assert_eq!((number.global, number.client, number.rebase_generation), (5, 2, 1));
/// assert_eq!(number.next_synced().to_string(), "e6r1");
/// assert_eq!(number.next_client_only().to_string(), "e5.3r1");
/// # Ok::<(), livestore::InvalidSequenceNumber>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber {
    /// The number that the backend orders by; the first event is 1.
    pub global: u64,
    /// Counts the client-only events after it; 0 for a synced event.
    pub client: u64,
    /// How often the event's numbering was rebased.
    pub rebase_generation: u64,
}

/// A text that is no sequence number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a sequence number; expected a form like e5, e5.1 or e5.2r1")]
pub struct InvalidSequenceNumber(String);

impl SequenceNumber {
    /// The head of an empty eventlog, `e0`.
    pub const ROOT: Self = Self { global: 0, client: 0, rebase_generation: 0 };

    /// The number of a synced event that follows.
    #[must_use]
    pub const fn next_synced(self) -> Self {
        Self { global: self.global.saturating_add(1), client: 0, rebase_generation: self.rebase_generation }
    }

    /// The number of a client-only event that follows.
    #[must_use]
    pub const fn next_client_only(self) -> Self {
        Self { client: self.client.saturating_add(1), ..self }
    }

    /// The number and the parent of an event that follows, in a rebase generation. A synced event has a synced parent.
    #[cfg_attr(not(test), allow(dead_code))] // Numbers of pending events are shown by what comes next.
    pub(crate) const fn next_pair(self, client_only: bool, rebase_generation: u64) -> (Self, Self) {
        let parent = if client_only { self } else { Self { client: 0, ..self } };
        (Self { rebase_generation, ..self.next(client_only) }, parent)
    }

    /// Orders by place alone: two numbers of one place are equal, whatever their rebase generations.
    ///
    /// One of three orders to keep apart: `Ord` also compares the generation last, and `==` asks for all three parts.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) fn cmp_place(self, other: Self) -> std::cmp::Ordering {
        (self.global, self.client).cmp(&(other.global, other.client))
    }

    /// The number of an event that follows, by its kind.
    pub(crate) const fn next(self, client_only: bool) -> Self {
        if client_only { self.next_client_only() } else { self.next_synced() }
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.global)?;
        if self.client > 0 {
            write!(f, ".{}", self.client)?;
        }
        if self.rebase_generation > 0 {
            write!(f, "r{}", self.rebase_generation)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SequenceNumber {
    /// As it is written everywhere: a failed assertion and a status show many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SequenceNumber {
    type Err = InvalidSequenceNumber;

    fn from_str(text: &str) -> Result<Self, InvalidSequenceNumber> {
        parse(text).ok_or_else(|| InvalidSequenceNumber(text.chars().take(40).collect()))
    }
}

fn parse(text: &str) -> Option<SequenceNumber> {
    let rest = text.strip_prefix('e')?;
    let (rest, rebase_generation) = match rest.split_once('r') {
        Some((rest, generation)) => (rest, digits(generation)?),
        None => (rest, 0),
    };
    let (global, client) = match rest.split_once('.') {
        Some((global, client)) => (digits(global)?, digits(client)?),
        None => (digits(rest)?, 0),
    };
    Some(SequenceNumber { global, client, rebase_generation })
}

/// Stricter than the original, which also takes leading zeros.
fn digits(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || !text.starts_with('0');
    (is_canonical && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_published_notation() {
        for text in ["e0", "e5", "e5.2", "e5.2r1", "e5r3"] {
            let number = text.parse::<SequenceNumber>().unwrap();
            assert_eq!((number.to_string(), format!("{number:?}")), (text.to_owned(), text.to_owned()));
        }
        for text in ["e5.0", "e5r0"] {
            assert_eq!(text.parse::<SequenceNumber>().unwrap().to_string(), "e5");
        }
        let malformed =
            ["5", "e", "e-1", "e1r", "e1rr2", "e0rabc", "eabc", "e0.abc", "e01", "e1.2.3", "", "e99999999999999999999"];
        for text in malformed {
            assert!(text.parse::<SequenceNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_number_after_another_has_the_published_parent() {
        let vectors = [
            ("e5", false, None, "e6 <- e5"),
            ("e5", true, None, "e5.1 <- e5"),
            ("e5.2", false, None, "e6 <- e5"),
            ("e5.2", true, None, "e5.3 <- e5.2"),
            ("e5.2r3", false, None, "e6r3 <- e5r3"),
            ("e5.2r3", true, None, "e5.3r3 <- e5.2r3"),
            ("e5r1", false, Some(2), "e6r2 <- e5r1"),
            ("e5.1r1", true, Some(2), "e5.2r2 <- e5.1r1"),
            ("e0", true, None, "e0.1 <- e0"),
        ];
        for (text, client_only, generation, expected) in vectors {
            let number: SequenceNumber = text.parse().unwrap();
            let (next, parent) = number.next_pair(client_only, generation.unwrap_or(number.rebase_generation));
            assert_eq!(format!("{next} <- {parent}"), expected, "after {text}");
        }
    }

    #[test]
    fn the_three_orders_of_numbers_differ_in_the_generation() {
        let number = |text: &str| text.parse::<SequenceNumber>().unwrap();
        let ascending = ["e4r9", "e5", "e5r1", "e5.1", "e5.1r2", "e6"].map(number);
        for pair in ascending.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
            assert_ne!(pair[0], pair[1]);
            let same_place = (pair[0].global, pair[0].client) == (pair[1].global, pair[1].client);
            let expected = if same_place { std::cmp::Ordering::Equal } else { std::cmp::Ordering::Less };
            assert_eq!(pair[0].cmp_place(pair[1]), expected, "{pair:?}");
        }
    }
}
