//! Ids of events: which of them a log holds.
//!
//! An id of this project's clients is a journal's nonce (88 bits) and an ordinal (40 bits), and the ordinals of one journal rise
//! along a log. So a storage keeps the highest ordinal of each nonce, and an id above it is new. Ids of another shape are cut in
//! the same places: they are told apart as exactly, and cost a row each.

use super::Entry;
use livestore_sync_protocol::EventId;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The first part of an event's id: who gave it.
pub type Nonce = [u8; 11];

/// The two parts of an event's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The first 88 bits.
    pub nonce: Nonce,
    /// The last 40 bits.
    pub ordinal: u64,
}

impl Origin {
    /// Of an id.
    ///
    /// ```
    /// # use livestore_server::storage::Origin;
    /// # use livestore_sync_protocol::EventId;
    /// let mut id = EventId([7; 16]);
    /// id.0[11..].copy_from_slice(&[0, 0, 0, 1, 2]);
    /// assert_eq!(Origin::of(id), Origin { nonce: [7; 11], ordinal: 258 });
    /// ```
    #[must_use]
    pub const fn of(id: EventId) -> Self {
        let [nonce @ .., a, b, c, d, e] = id.0;
        Self { nonce, ordinal: u64::from_be_bytes([0, 0, 0, a, b, c, d, e]) }
    }
}

impl Entry {
    /// The id in its body, where it has one.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        id_in(&self.body)
    }
}

/// The id in an event's JSON.
pub(super) fn id_in(body: &str) -> Option<EventId> {
    #[derive(Deserialize)]
    struct Identified {
        #[serde(default)]
        id: Option<EventId>,
    }
    serde_json::from_str::<Identified>(body).ok()?.id
}

/// The highest ordinal of each nonce.
#[derive(Debug, Default)]
pub(super) struct Highest(BTreeMap<Nonce, u64>);

impl Highest {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut highest = Self::default();
        entries.iter().filter_map(Entry::id).for_each(|id| highest.add(id));
        highest
    }

    pub(super) fn add(&mut self, id: EventId) {
        let Origin { nonce, ordinal } = Origin::of(id);
        let highest = self.0.entry(nonce).or_default();
        *highest = ordinal.max(*highest);
    }

    pub(super) fn get(&self, nonce: &Nonce) -> Option<u64> {
        self.0.get(nonce).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Origin> + '_ {
        self.0.iter().map(|(nonce, ordinal)| Origin { nonce: *nonce, ordinal: *ordinal })
    }
}

/// A set of ids. What follows each other, as the ids of one journal do, takes the room of one.
#[derive(Debug, Default)]
pub(crate) struct IdSet {
    /// The first and the last of each run; no two touch.
    runs: BTreeMap<u128, u128>,
}

impl IdSet {
    pub(crate) fn contains(&self, id: EventId) -> bool {
        let id = u128::from_be_bytes(id.0);
        self.runs.range(..=id).next_back().is_some_and(|(_, last)| *last >= id)
    }

    /// Adds an id; whether it was not there.
    pub(crate) fn insert(&mut self, id: EventId) -> bool {
        if self.contains(id) {
            return false;
        }
        let id = u128::from_be_bytes(id.0);
        let before = self.runs.range(..id).next_back().filter(|(_, last)| id.checked_sub(1) == Some(**last));
        let first = before.map_or(id, |(first, _)| *first);
        let after = id.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.runs.insert(first, after.unwrap_or(id));
        true
    }

    /// How many runs it has: what it costs.
    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_ids_is_a_set() {
        let ids = [5_u128, 7, 6, 0, 1, u128::MAX, u128::MAX - 1, 9, 8, 3];
        let mut set = IdSet::default();
        for (index, number) in ids.iter().enumerate() {
            let id = EventId(number.to_be_bytes());
            assert!(!set.contains(id));
            assert!(set.insert(id));
            assert!(!set.insert(id));
            let held = |number: &u128| set.contains(EventId(number.to_be_bytes()));
            assert_eq!((ids[..=index].iter().all(held), ids[index + 1..].iter().any(held)), (true, false));
        }
        assert_eq!(set.runs(), 4, "0..=1, 3, 5..=9 and the last two");
    }

    #[test]
    fn ids_are_read_from_what_is_stored() {
        let id = |body: &str| id_in(body).map(|id| id.to_string());
        let digits = "00112233445566778899aabbccddeeff";
        assert_eq!(id(&format!(r#"{{"args":{{"id":"x"}},"id":"{digits}"}}"#)).as_deref(), Some(digits));
        assert_eq!(id(r#"{"args":{"id":"00112233445566778899aabbccddeeff"}}"#), None);
        for odd in ["", "[", "null", r#"{"id":null}"#, r#"{"id":5}"#, r#"{"id":"xyz"}"#] {
            assert_eq!(id(odd), None, "{odd}");
        }
    }
}
