//! One log that several servers append to, and what goes wrong with it.

use crate::support::rng::Rng;
use livestore_server::storage::{Appended, Entry, LogState, Nonce, Origin, ReadMax, StorageError};
use std::collections::BTreeSet;

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    pub(crate) ids: BTreeSet<String>,
    pub(crate) texts: Vec<String>,
    /// How often it was restored from an older copy.
    pub(crate) restores: u64,
}

/// What an append comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Unavailable,
    UnknownStored,
    UnknownNotStored,
}

impl Fault {
    pub(crate) fn roll(rng: &mut Rng) -> Self {
        match rng.below(20) {
            0 => Self::Unavailable,
            1 => Self::UnknownStored,
            2 => Self::UnknownNotStored,
            _ => Self::None,
        }
    }
}

impl Log {
    pub(crate) fn state(&self) -> LogState {
        LogState { backend_id: "simulated".into(), head: self.entries.len() as u64 }
    }

    pub(crate) fn append(&mut self, log: &LogState, entries: &[Entry], fault: Fault) -> Result<Appended, StorageError> {
        let unknown = || Err(StorageError::Unknown { reason: "simulated".into() });
        match fault {
            Fault::Unavailable => return Err(StorageError::Unavailable { reason: "simulated".into() }),
            Fault::UnknownNotStored => return unknown(),
            Fault::None | Fault::UnknownStored => {}
        }
        if *log != self.state() {
            return Ok(Appended::Moved(Some(self.state())));
        }
        for entry in entries {
            let event: serde_json::Value = serde_json::from_str(&entry.body).unwrap();
            let before = self.entries.len() as u64;
            assert_eq!((entry.number, &event["parentSeqNum"]), (before + 1, &before.into()), "O1: the log has no gaps");
            let id = event["id"].as_str().expect("clients give ids").to_owned();
            assert!(self.ids.insert(id.clone()), "O4: {id} is in the log twice");
            self.texts.push(event["args"].as_str().unwrap().to_owned());
            self.entries.push(entry.clone());
        }
        assert!(self.entries.last().is_none_or(Entry::ends_group), "O6: the log ends with a whole group");
        if fault == Fault::UnknownStored { unknown() } else { Ok(Appended::Stored) }
    }

    pub(crate) fn origins(&self, nonces: &[Nonce]) -> Vec<Option<u64>> {
        let highest = |nonce: &Nonce| {
            let origins = self.entries.iter().filter_map(Entry::id).map(Origin::of);
            origins.filter(|origin| origin.nonce == *nonce).map(|origin| origin.ordinal).max()
        };
        nonces.iter().map(highest).collect()
    }

    pub(crate) fn read(&self, after: u64, max: ReadMax) -> Vec<Entry> {
        let mut bytes = 0;
        let found = self.entries.iter().skip(after as usize).take(max.events.max(1)).enumerate();
        let found = found.take_while(|(index, entry)| {
            bytes += entry.body.len();
            *index == 0 || bytes <= max.bytes
        });
        found.map(|(_, entry)| entry.clone()).collect()
    }

    /// Restores an older copy, which ends with a whole group.
    pub(crate) fn restore(&mut self, rng: &mut Rng) {
        let mut head = rng.below(self.entries.len() as u64 + 1) as usize;
        while head > 0 && !self.entries[head - 1].ends_group() {
            head -= 1;
        }
        for lost in self.entries.drain(head..) {
            let event: serde_json::Value = serde_json::from_str(&lost.body).unwrap();
            self.ids.remove(event["id"].as_str().unwrap());
        }
        self.texts.truncate(head);
        self.restores += 1;
    }
}
