//! The log that a server writes, which survives it.

use livestore::SyncEvent;
use livestore_server::storage::{Appended, Entry, LogState, Nonce, Origin, ReadMax};
use livestore_sync_protocol::Event;
use std::collections::BTreeMap;

pub(super) struct Log {
    backend_id: String,
    replacements: u64,
    entries: Vec<Entry>,
    /// The same, as the simulator compares it.
    events: Vec<SyncEvent>,
    origins: BTreeMap<Nonce, u64>,
    /// What was in the log before.
    aside: String,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            backend_id: "simulated-server".into(),
            replacements: 0,
            entries: Vec::new(),
            events: Vec::new(),
            origins: BTreeMap::new(),
            aside: String::new(),
        }
    }

    pub(super) fn state(&self) -> LogState {
        LogState { backend_id: self.backend_id.as_str().into(), head: self.entries.len() as u64 }
    }

    pub(super) fn events(&self) -> &[SyncEvent] {
        &self.events
    }

    pub(super) fn append(&mut self, log: &LogState, entries: &[Entry]) -> Appended {
        if *log != self.state() {
            return Appended::Moved(Some(self.state()));
        }
        for entry in entries {
            let event: Event = serde_json::from_str(&entry.body).expect("what the server stores reads");
            if let Some(Origin { nonce, ordinal }) = event.id.map(Origin::of) {
                let highest = self.origins.entry(nonce).or_default();
                *highest = ordinal.max(*highest);
            }
            self.events.push(event_of(event));
            self.entries.push(entry.clone());
        }
        Appended::Stored
    }

    pub(super) fn read(&self, after: u64, max: ReadMax) -> Vec<Entry> {
        let mut bytes = 0;
        let start = usize::try_from(after).unwrap_or(usize::MAX).min(self.entries.len());
        let found = self.entries[start..].iter().take(max.events.max(1)).enumerate();
        let found = found.take_while(|(index, entry)| {
            bytes += entry.body.len();
            *index == 0 || bytes <= max.bytes
        });
        found.map(|(_, entry)| entry.clone()).collect()
    }

    pub(super) fn origins(&self, nonces: &[Nonce]) -> Vec<Option<u64>> {
        nonces.iter().map(|nonce| self.origins.get(nonce).copied()).collect()
    }

    /// Another log begins, with so many events of this one.
    pub(super) fn replace(&mut self, kept: usize) {
        self.cut(kept);
        self.replacements += 1;
        self.backend_id = format!("simulated-server-{}", self.replacements + 1);
    }

    /// Loses the last events; a commit group goes whole.
    pub(super) fn rewind(&mut self, events: u64) {
        let mut kept = self.entries.len().saturating_sub(usize::try_from(events).unwrap_or(usize::MAX));
        while kept > 0 && !self.entries[kept - 1].ends_group() {
            kept -= 1;
        }
        self.cut(kept);
    }

    fn cut(&mut self, kept: usize) {
        let lost = self.entries.split_off(kept.min(self.entries.len()));
        lost.iter().for_each(|entry| self.aside += &entry.body);
        self.events.truncate(kept);
        self.origins.clear();
        for Origin { nonce, ordinal } in self.entries.iter().filter_map(Entry::id).map(Origin::of) {
            let highest = self.origins.entry(nonce).or_default();
            *highest = ordinal.max(*highest);
        }
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.aside.contains(text) || self.entries.iter().any(|entry| entry.body.contains(text))
    }
}

pub(super) fn event_of(event: Event) -> SyncEvent {
    SyncEvent {
        number: event.number,
        parent: event.parent,
        name: event.name,
        args: event.args.map(|args| args.text().into()),
        client_id: event.client_id,
        session_id: event.session_id,
        id: event.id.map(|id| id.to_string().parse().expect("the same 32 digits")),
        rest: event.rest,
    }
}
