//! Commit groups that wait for long, in little memory: one allocation for a group, and what many of them share once.

use crate::event::{CommitGroup, EncodedEvent};
use crate::ids::{ClientId, JournalNonce, SessionId};
use std::borrow::Cow;

/// A group in one allocation. Numbers are written in groups of seven bits:
///
/// ```text
/// origin, first ordinal, events, synced events, weight
/// of each event: name * 8 + has an offset * 4 + has args * 2 + client only; with an offset: that, in ordinals from the first event;
/// with args: length, bytes
/// ```
#[derive(Debug, PartialEq)]
pub(super) struct Packed(Box<[u8]>);

/// What a group costs to keep and to replay: an event counts one, and so does a quarter of a kilobyte.
pub(super) fn weight(group: &CommitGroup) -> usize {
    group.events.iter().map(|event| 1 + event.bytes() / 256).sum()
}

/// How much a part of the tail holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) events: usize,
    pub(super) synced: usize,
    pub(super) weight: usize,
}

impl Load {
    pub(super) fn of(group: &CommitGroup) -> Self {
        let synced = group.events.iter().filter(|event| !event.client_only).count();
        Self { events: group.events.len(), synced, weight: weight(group) }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.synced += other.synced;
        self.weight += other.weight;
    }

    pub(super) fn remove(&mut self, other: Self) {
        self.events -= other.events;
        self.synced -= other.synced;
        self.weight -= other.weight;
    }
}

/// A session whose groups are packed.
#[derive(Debug)]
struct Origin {
    nonce: JournalNonce,
    client_id: ClientId,
    session_id: SessionId,
    /// How many groups of it are packed now: a search for one needs to be made only where there is one.
    groups: usize,
}

/// What packed groups share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    origins: Vec<Origin>,
    names: Vec<Cow<'static, str>>,
    /// Where a group is put together.
    scratch: Vec<u8>,
}

impl Shared {
    pub(super) fn pack(&mut self, group: &CommitGroup) -> Packed {
        let load = Load::of(group);
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let origin = self.origin(group);
        self.origins[origin].groups += 1;
        for number in [origin as u64, group.ordinal, load.events as u64, load.synced as u64, load.weight as u64] {
            write_number(&mut bytes, number);
        }
        for (index, event) in group.events.iter().enumerate() {
            let offset = group.offsets.as_ref().and_then(|offsets| offsets.get(index));
            let flags =
                u64::from(offset.is_some()) << 2 | u64::from(event.args.is_some()) << 1 | u64::from(event.client_only);
            write_number(&mut bytes, (self.name(event) as u64) << 3 | flags);
            if let Some(offset) = offset {
                write_number(&mut bytes, u64::from(*offset));
            }
            if let Some(args) = &event.args {
                write_number(&mut bytes, args.len() as u64);
                bytes.extend_from_slice(args.as_bytes());
            }
        }
        // Copied, not shrunk: an allocator gives little of what is shrunk back.
        let packed = Packed(bytes.as_slice().into());
        self.scratch = bytes;
        packed
    }

    fn origin(&mut self, group: &CommitGroup) -> usize {
        let is_it = |known: &Origin| known.nonce == group.nonce && known.session_id == group.session_id;
        let known = self.origins.iter().rposition(|known| is_it(known) && known.client_id == group.client_id);
        known.unwrap_or_else(|| {
            let (client_id, session_id) = (group.client_id.clone(), group.session_id.clone());
            self.origins.push(Origin { nonce: group.nonce, client_id, session_id, groups: 0 });
            self.origins.len() - 1
        })
    }

    fn name(&mut self, event: &EncodedEvent) -> usize {
        self.names.iter().position(|known| *known == event.name).unwrap_or_else(|| {
            self.names.push(event.name.clone());
            self.names.len() - 1
        })
    }

    pub(super) fn unpack(&self, packed: &Packed) -> CommitGroup {
        let mut from = Reader(&packed.0);
        let (origin, ordinal, load) = from.head();
        let origin = &self.origins[origin];
        let (client_id, session_id) = (origin.client_id.clone(), origin.session_id.clone());
        let mut group = CommitGroup::new((origin.nonce, ordinal), client_id, session_id, Vec::new());
        group.events.reserve(load.events);
        for index in 0..load.events {
            let (word, mut args) = (from.number(), None);
            let offset = if word & 4 == 0 { index as u64 } else { from.number() };
            if word & 2 != 0 {
                let len = from.number() as usize;
                args = Some(from.text(len).into());
            }
            let name = self.names[(word >> 3) as usize].clone();
            group.push(EncodedEvent { name, client_only: word & 1 != 0, args }, offset as u32);
        }
        group
    }

    /// The group is not kept packed any more. What nothing is packed of is forgotten.
    pub(super) fn forget(&mut self, packed: &Packed) {
        let origin = Reader(&packed.0).head().0;
        self.origins[origin].groups -= 1;
        while self.origins.last().is_some_and(|origin| origin.groups == 0) {
            self.origins.pop();
        }
        if self.origins.is_empty() {
            self.names.clear();
        }
    }

    /// Whether the packed group has this id.
    pub(super) fn is(&self, packed: &Packed, nonce: JournalNonce, ordinal: u64) -> bool {
        let (origin, first, _) = Reader(&packed.0).head();
        first == ordinal && self.origins[origin].nonce == nonce
    }

    /// How a packed group of this id begins, for each origin that it may have.
    pub(super) fn beginnings(&self, nonce: JournalNonce, ordinal: u64) -> impl Iterator<Item = Vec<u8>> {
        let origins = self.origins.iter().enumerate();
        origins.filter(move |(_, origin)| origin.nonce == nonce && origin.groups > 0).map(move |(index, _)| {
            let mut bytes = Vec::new();
            write_number(&mut bytes, index as u64);
            write_number(&mut bytes, ordinal);
            bytes
        })
    }
}

impl Packed {
    pub(super) fn load(&self) -> Load {
        Reader(&self.0).head().2
    }

    pub(super) fn begins_with(&self, bytes: &[u8]) -> bool {
        self.0.starts_with(bytes)
    }

    /// Whether the last event that is not client-only has some after it, and how many; `None` where there is no such event.
    pub(super) fn client_only_at_end(&self) -> Option<usize> {
        let mut from = Reader(&self.0);
        let events = from.head().2.events;
        let mut found = None;
        for _ in 0..events {
            let word = from.number();
            if word & 4 != 0 {
                from.number();
            }
            if word & 2 != 0 {
                let len = from.number() as usize;
                from.text(len);
            }
            found = if word & 1 == 0 { Some(0) } else { found.map(|count| count + 1) };
        }
        found
    }
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads what was packed here.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn head(&mut self) -> (usize, u64, Load) {
        let (origin, ordinal) = (self.number() as usize, self.number());
        let (events, synced, weight) = (self.number() as usize, self.number() as usize, self.number() as usize);
        (origin, ordinal, Load { events, synced, weight })
    }

    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    fn text(&mut self, len: usize) -> &'a str {
        let (text, rest) = self.0.split_at_checked(len).unwrap_or((self.0, &[]));
        self.0 = rest;
        std::str::from_utf8(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(ordinal: u64, events: &[(&str, bool, Option<&str>)]) -> CommitGroup {
        let events = events.iter().map(|(name, client_only, args)| EncodedEvent {
            name: Cow::Owned((*name).to_owned()),
            client_only: *client_only,
            args: args.map(Into::into),
        });
        let (client_id, session_id) = (ClientId::from_stored("client"), SessionId::from_stored("session"));
        CommitGroup::new((JournalNonce([ordinal as u8 % 3; 11]), ordinal), client_id, session_id, events.collect())
    }

    #[test]
    fn a_packed_group_is_what_it_was() {
        let long = "x".repeat(70_000);
        let groups = [
            group(1, &[("a", false, None)]),
            group(1 << 39, &[("a", true, Some("")), ("b", false, Some("{\"é\":1}")), ("a", false, Some(&long))]),
            group(300, &[("c", true, Some("null")); 200]),
            CommitGroup { offsets: Some([0, 3, 1_000].into()), ..group(9, &[("a", false, Some("1")); 3]) },
        ];
        let mut shared = Shared::default();
        let packed: Vec<_> = groups.iter().map(|group| shared.pack(group)).collect();
        for (group, packed) in groups.iter().zip(&packed) {
            assert_eq!(shared.unpack(packed), *group);
            assert_eq!(packed.load(), Load::of(group));
            let beginnings: Vec<_> = shared.beginnings(group.nonce, group.ordinal).collect();
            assert!(beginnings.iter().any(|bytes| packed.begins_with(bytes)), "{}", group.ordinal);
            let client_only = group.events.iter().rev().take_while(|event| event.client_only).count();
            let expected = (client_only < group.events.len()).then_some(client_only);
            assert_eq!(packed.client_only_at_end(), expected, "{}", group.ordinal);
        }
        packed.iter().for_each(|packed| shared.forget(packed));
        assert!(shared.origins.is_empty() && shared.names.is_empty(), "{shared:?}");
    }

    /// With its place in a queue that has just grown (32 bytes) and the allocator's part (at most 16), that stays below 64.
    #[test]
    fn a_packed_event_costs_little_beside_its_payload() {
        let args = "{\"id\":\"todo-00000001\"}";
        let packed = Shared::default().pack(&group((1 << 40) - 1, &[("v1.TodoCreated", false, Some(args))]));
        assert!(packed.0.len() <= args.len() + 16, "{packed:?}");
    }
}
