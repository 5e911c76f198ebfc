//! What is committed, by whom, and what may go wrong.

use crate::ids::{EventId, JournalNonce};
use crate::sync::Pending;

/// The bit of an event's byte that says client-only.
const CLIENT_ONLY: u8 = 0x80;

/// What a search covers. A script is what one client's session commits: `A` synced, `u` client-only, `P` rejected by the backend,
/// `A+B` one group. Events of one letter have the same payload.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync::tests) struct Scope {
    pub(in crate::sync::tests) scripts: &'static [&'static [&'static str]],
    pub(in crate::sync::tests) keeps_identity: bool,
    pub(in crate::sync::tests) drops: u8,
    pub(in crate::sync::tests) duplicates: u8,
    pub(in crate::sync::tests) crashes: u8,
    /// The most events in a page and in a push, whole groups apart.
    pub(in crate::sync::tests) page: usize,
    pub(in crate::sync::tests) batch: usize,
}

/// A scope, made ready.
#[derive(Debug)]
pub(in crate::sync::tests) struct World {
    pub(in crate::sync::tests) scope: Scope,
    /// Per client, the groups that its session commits.
    pub(super) scripts: Vec<Vec<Group>>,
    letters: Vec<char>,
    owners: Vec<u8>,
    /// Per event, where its group begins and how long that is.
    groups: Vec<Group>,
}

impl World {
    pub(in crate::sync::tests) fn new(scope: Scope) -> Self {
        let (scripts, groups) = (Vec::new(), Vec::new());
        let mut world = Self { scope, scripts, letters: Vec::new(), owners: Vec::new(), groups };
        for (client, script) in scope.scripts.iter().enumerate() {
            let mut ordinal = 1;
            let script = script.iter().map(|names| world.group(client as u8, names, &mut ordinal)).collect();
            world.scripts.push(script);
        }
        world
    }

    fn group(&mut self, client: u8, names: &str, ordinal: &mut u64) -> Group {
        let id = EventId::new(JournalNonce([client; 11]), *ordinal);
        let mut events = Vec::new();
        for name in names.split('+') {
            let letter = name.chars().next().unwrap_or('?');
            let bit = if letter.is_lowercase() { CLIENT_ONLY } else { 0 };
            events.push(self.letters.len() as u8 | bit);
            self.letters.push(letter);
            self.owners.push(client);
            *ordinal += 1;
        }
        let group = Group { id, events };
        self.groups.extend(group.events.iter().map(|_| group.clone()));
        group
    }

    /// The group of an event, as it was committed.
    pub(super) fn group_of(&self, event: u8) -> &Group {
        &self.groups[usize::from(event & !CLIENT_ONLY)]
    }

    pub(super) fn owner(&self, event: u8) -> u8 {
        self.owners[usize::from(event & !CLIENT_ONLY)]
    }

    pub(super) fn letter(&self, event: u8) -> char {
        self.letters[usize::from(event & !CLIENT_ONLY)]
    }

    /// Whether two events look the same to one who knows no ids.
    pub(super) fn looks_like(&self, event: u8, other: u8) -> bool {
        (self.letter(event), self.owner(event)) == (self.letter(other), self.owner(other))
    }

    pub(super) fn is_poison(&self, event: u8) -> bool {
        self.letter(event) == 'P'
    }
}

pub(super) fn is_synced(event: u8) -> bool {
    event & CLIENT_ONLY == 0
}

/// A commit group: its events, each a byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::sync::tests) struct Group {
    pub(super) id: EventId,
    pub(super) events: Vec<u8>,
}

impl Group {
    /// An event with the identity that a backend gave it that keeps none.
    pub(super) fn numbered(number: u64, event: u8) -> Self {
        Self { id: EventId::new(JournalNonce([0xff; 11]), number), events: vec![event] }
    }
}

impl Pending for Group {
    fn id(&self) -> EventId {
        self.id
    }

    fn events(&self) -> usize {
        self.events.len()
    }

    fn is_synced(&self) -> bool {
        self.events.iter().any(|event| is_synced(*event))
    }

    fn rest(&self, settled: usize) -> Option<Self> {
        let events = self.events.get(settled..).filter(|events| !events.is_empty())?.to_vec();
        let (nonce, ordinal) = self.id.parts();
        Some(Self { id: EventId::new(nonce, ordinal + settled as u64), events })
    }
}
