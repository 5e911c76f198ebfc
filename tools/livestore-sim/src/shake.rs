//! Backends that are replaced, or lose what they confirmed; and what each policy promises then.

use crate::Workload;
use crate::client::{Client, STORE, Scratch};
use crate::world::World;
use livestore::{Fault, OnOtherBackend};
use std::collections::BTreeSet;

impl<W: Workload> World<W> {
    /// Another backend comes, with a copy of the log that lacks its last events.
    pub(crate) fn replace(&mut self, lost: u64) -> Result<(), String> {
        let mut log = self.backend.events(STORE);
        self.history.follow(&log)?;
        let mut kept = log.len().saturating_sub(usize::try_from(lost).unwrap_or(usize::MAX));
        // A copy holds whole groups.
        while kept > 0 && log[kept - 1].rest.is_some_and(|rest| rest > 0) {
            kept -= 1;
        }
        log.truncate(kept);
        crate::sometimes!("a backend comes with a copy of the log", kept > 0);
        crate::sometimes!("an empty backend comes", kept == 0);
        self.backend.replace_with_log(STORE, log.clone())?;
        self.history.begin_again(&log)
    }

    pub(crate) fn rewind(&mut self, events: u64) -> Result<(), String> {
        self.history.follow(&self.backend.events(STORE))?;
        self.backend.rewind(STORE, events);
        crate::sometimes!("a backend loses events");
        self.history.begin_again(&self.backend.events(STORE))
    }

    pub(crate) fn meet_stranger(&mut self) {
        self.history.meet_stranger();
        self.backend.inject(Fault::OtherBackendId);
    }

    /// D7: who stopped holds all that it committed, and goes on when it is opened again to. Gives back the commits that are
    /// held and not pushed.
    pub(crate) fn check_stopped(&mut self) -> Result<BTreeSet<String>, String> {
        let mut again = Vec::new();
        let mut elsewhere = BTreeSet::new();
        for index in 0..self.clients.len() {
            let client = &self.clients[index];
            if client.may_have_stopped(self.history.is_shaken()) {
                let held = held(client)?;
                self.check_held(client, &held)?;
                crate::sometimes!("a client stops at another backend");
                if client.is_native() {
                    again.push(index);
                } else {
                    crate::sometimes!("a client in memory stops at another backend", !held.is_empty());
                    elsewhere.extend(self.commits_of(client));
                }
            }
        }
        for index in again {
            while !self.clients[index].sessions.is_empty() {
                self.close(index, 0)?;
            }
            self.clients[index].policy = OnOtherBackend::Rejoin;
            self.open(index)?;
        }
        self.come_to_rest()?;
        self.check_dear()?;
        for client in &self.clients {
            elsewhere.extend(self.kept_aside(client)?);
        }
        Ok(elsewhere)
    }

    fn commits_of(&self, client: &Client<W>) -> Vec<String> {
        let records = self.history.receipts.records().iter();
        records.filter(|record| client.origins.contains(&record.origin)).map(|record| record.name()).collect()
    }

    fn check_held(&self, client: &Client<W>, held: &str) -> Result<(), String> {
        for record in self.history.receipts.records() {
            let is_own = client.origins.contains(&record.origin);
            let missing = (0..record.events).find(|nth| !is_in(held, &format!("{}.{nth}", record.name())));
            if let (true, Some(nth)) = (is_own, missing) {
                return Err(format!("D7: event {nth} of {} is not in its client, which stopped", record.name()));
            }
        }
        Ok(())
    }

    /// D7: the commits of a client that are in a copy of its log which it names.
    fn kept_aside(&self, client: &Client<W>) -> Result<BTreeSet<String>, String> {
        let Some(session) = client.sessions.first() else { return Ok(BTreeSet::new()) };
        let paths = session.store.status().kept_aside;
        let mut copies = Vec::new();
        for path in &paths {
            let copy =
                std::fs::read(path).map_err(|error| format!("D7: {} cannot be read: {error}", path.display()))?;
            copies.push(String::from_utf8_lossy(&copy).into_owned());
        }
        let records = self.history.receipts.records().iter();
        let own = records.filter(|record| client.origins.contains(&record.origin));
        let is_kept = |tag: String| copies.iter().any(|copy| is_in(copy, &tag));
        let kept = own.filter(|record| {
            !copies.is_empty() && (0..record.events).all(|nth| is_kept(format!("{}.{nth}", record.name())))
        });
        let kept: BTreeSet<String> = kept.map(|record| record.name()).collect();
        crate::sometimes!("what another backend does not hold is kept aside", !kept.is_empty());
        Ok(kept)
    }
}

fn is_in(text: &str, tag: &str) -> bool {
    text.contains(&format!("\"{tag}\""))
}

/// All that a client's eventlog holds, pending events too, as text.
fn held<W: Workload>(client: &Client<W>) -> Result<String, String> {
    let Some(session) = client.sessions.first() else { return Ok(String::new()) };
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path()).map_err(|error| error.to_string())?;
    let copy = scratch.path().join("eventlog.db");
    session.store.export_eventlog(&copy).map_err(|error| error.to_string())?;
    let bytes = std::fs::read(&copy).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
