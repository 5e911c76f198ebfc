//! What must hold: after each step, now and then, and at the end.

use crate::Workload;
use crate::client::{Client, STORE};
use crate::disk::Disk;
use crate::history::History;
use crate::world::World;
use livestore::{EventlogRestarted, OnOtherBackend, RawEvent, SequenceNumber, SyncEvent};
use std::sync::PoisonError;
use std::time::Duration;

impl<W: Workload> World<W> {
    /// O1 to O4 on the backend's log, O2 at the clients, L2, S1.
    pub(crate) fn check_cheap(&mut self, is_dear: bool) -> Result<(), String> {
        if self.backend.head(STORE) != self.history.log.len() as u64 {
            let log = self.backend.events(STORE);
            self.history.follow(&log)?;
        }
        for client in &mut self.clients {
            compare_log(client, &self.history, &self.disk)?;
            client.sessions.iter().try_for_each(|session| session.hear.check())?;
        }
        self.history.poll(is_dear, self.now)?;
        match self.network.leak() {
            Some(frame) => Err(format!("S1: a frame holds what is of its client alone: {frame}")),
            None => Ok(()),
        }
    }

    /// C1, C4: sessions that say they are synced have the state that the model has.
    pub(crate) fn check_dear(&self) -> Result<(), String> {
        let head = self.backend.head(STORE);
        let expected = self.workload.expect(&self.history.groups());
        let mut layout = None;
        for client in &self.clients {
            for session in &client.sessions {
                let status = session.store.sync_status();
                if let Some(reason) = session.store.status().closed.filter(|_| !self.disk.was_bad) {
                    return Err(format!("L5: client {} is closed: {reason}", client.index));
                }
                let is_idle =
                    self.now >= client.asleep_until && status.is_synced() && status.synced == head && client.is_current;
                if !is_idle {
                    continue;
                }
                let found = self.workload.dump(&session.store).map_err(|error| error.to_string())?;
                if found != expected {
                    let index = client.index;
                    return Err(format!("C1: client {index} has\n  {found}\nand the model has\n  {expected}"));
                }
                let found = self.workload.layout(&session.store).map_err(|error| error.to_string())?;
                if layout.get_or_insert_with(|| found.clone()) != &found {
                    let index = client.index;
                    return Err(format!("C3: client {index} has\n  {found}\nand another one\n  {layout:?}"));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn check_end(&mut self) -> Result<(), String> {
        self.check_dear()?;
        let elsewhere = self.check_stopped()?;
        self.check_watched()?;
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.history.check_end(&refused, &elsewhere)?;
        if W::SECRET.is_some_and(|secret| self.backend.contains(secret)) {
            return Err("S1: the backend holds what is of its client alone".into());
        }
        self.check_reopened()?;
        self.check_newcomer()
    }

    /// C7: at rest, nothing is missing that live queries should have delivered.
    fn check_watched(&mut self) -> Result<(), String> {
        for client in &mut self.clients {
            client.pump(self.now);
            for session in &client.sessions {
                let fresh = self.workload.watched(&session.store).map_err(|error| error.to_string())?;
                session.hear.check()?;
                session.hear.check_last(&fresh)?;
                crate::sometimes!("a live query is right at rest");
            }
        }
        Ok(())
    }

    /// C2: what a client has after it was closed and opened again is what it had.
    fn check_reopened(&mut self) -> Result<(), String> {
        let expected = self.workload.expect(&self.history.groups());
        for index in 0..self.clients.len() {
            if !self.clients[index].is_native() {
                // Its data would go with its last session.
                continue;
            }
            crate::sometimes!("a client is opened again at the end");
            let before = self.own(index)?;
            while !self.clients[index].sessions.is_empty() {
                self.close(index, 0)?;
            }
            self.open(index)?;
            let Some(session) = self.clients[index].sessions.first() else { continue };
            let found = self.workload.dump(&session.store).map_err(|error| error.to_string())?;
            if found != expected {
                return Err(format!("C2: client {index}, opened again, has\n  {found}\nand not\n  {expected}"));
            }
            let after = self.own(index)?;
            if before != after {
                return Err(format!("C2: client {index} had {before:?} of its own, and opened again, {after:?}"));
            }
        }
        Ok(())
    }

    /// C1: what is of a client alone, which all its sessions have alike.
    fn own(&self, client: usize) -> Result<Option<String>, String> {
        let sessions = self.clients[client].sessions.iter();
        let mut all = sessions.map(|session| self.workload.own(&session.store).map_err(|error| error.to_string()));
        let Some(first) = all.next().transpose()? else { return Ok(None) };
        for other in all {
            let other = other?;
            if other != first {
                return Err(format!("C1: sessions of client {client} have {first:?} and {other:?} of their own"));
            }
        }
        Ok(Some(first))
    }

    /// C2: somebody new comes to the same state from the log alone.
    fn check_newcomer(&mut self) -> Result<(), String> {
        let mut client = Client::<W>::new(self.clients.len(), None, OnOtherBackend::Rejoin);
        client.open(&self.network, u64::MAX).map_err(|error| error.to_string())?;
        let head = self.backend.head(STORE);
        let end = self.now + Duration::from_secs(60);
        while self.now < end {
            self.network.advance(self.now);
            client.pump(self.now);
            let Some(session) = client.sessions.first() else { break };
            let status = session.store.sync_status();
            if status.is_synced() && status.synced == head {
                self.clients.push(client);
                return self.check_dear();
            }
            let due = client.due.into_iter().chain(self.network.next_due()).min().unwrap_or(end);
            self.now = due.max(self.now + Duration::from_micros(100));
        }
        Err("C2: somebody new does not come to the end of the log".into())
    }
}

/// O2: the confirmed log of a client is the beginning of the backend's; or of what the backend held before it was replaced, as long
/// as the client does not know.
fn compare_log<W: Workload>(client: &mut Client<W>, history: &History, disk: &Disk) -> Result<(), String> {
    let Some(session) = client.sessions.first() else { return Ok(()) };
    let status = session.store.sync_status();
    let synced = status.synced as usize;
    // As long as no backend was met, what is in the log is provisional.
    if status.backend_id.is_none() {
        return Ok(());
    }
    if history.is_shaken() {
        return compare_again(client, synced, history, disk);
    }
    if synced <= client.compared {
        return Ok(());
    }
    for (number, event) in confirmed(client, client.compared, synced, disk)?.unwrap_or_default() {
        let index = number.global as usize - 1;
        if !is_same(history.log.get(index), &event) {
            let (is, theirs) = (client.index, history.log.get(index));
            return Err(format!("O2: {number} of client {is} is {event:?}, and {theirs:?} at the backend"));
        }
        client.compared = client.compared.max(index + 1);
    }
    Ok(())
}

/// The same where the log may have begun again.
fn compare_again<W: Workload>(
    client: &mut Client<W>,
    synced: usize,
    history: &History,
    disk: &Disk,
) -> Result<(), String> {
    let is_known = client.compared == synced && client.compared_shakes == history.past.len();
    // Reading a log is a request to its leader: one that asked at each step would keep it awake.
    if is_known && client.compared_head == history.log.len() {
        return Ok(());
    }
    let Some(events) = confirmed(client, 0, synced, disk)? else { return Ok(()) };
    let is_of = |log: &Vec<SyncEvent>| {
        log.len() >= events.len() && events.iter().zip(log).all(|((_, event), theirs)| is_same(Some(theirs), event))
    };
    if events.len() != synced && disk.was_bad {
        // A step that failed half way says less than it did, until it is tried again.
        (client.is_current, client.compared_head) = (false, usize::MAX);
        return Ok(());
    }
    if events.len() != synced || !(is_of(&history.log) || history.past.iter().any(is_of)) {
        return Err(format!(
            "O2: what client {} holds, no backend ever held: {synced} events, {events:?}, the backend {:?}",
            client.index, history.log
        ));
    }
    client.is_current = synced == history.log.len() && is_of(&history.log);
    (client.compared, client.compared_shakes) = (synced, history.past.len());
    client.compared_head = history.log.len();
    Ok(())
}

/// The confirmed events of a client that leave it, after a number; `None` where the log begins again while it is read.
fn confirmed<W: Workload>(
    client: &Client<W>,
    after: usize,
    synced: usize,
    disk: &Disk,
) -> Result<Option<Vec<(SequenceNumber, RawEvent)>>, String> {
    let Some(session) = client.sessions.first() else { return Ok(None) };
    let since = format!("e{after}").parse().map_err(|error| format!("{error}"))?;
    let mut events = session.store.raw_events().since(since).until_now();
    let mut confirmed = Vec::new();
    while let Some(event) = events.try_next() {
        let event = match event {
            Err(_) if disk.fault.is_some() => return Ok(None),
            Err(error) if error.downcast_ref::<EventlogRestarted>().is_some() => return Ok(None),
            other => other.map_err(|error| error.to_string())?,
        };
        // What comes later is pending yet.
        if !event.event.client_only && event.number.global as usize <= synced {
            confirmed.push((event.number, event.event));
        }
    }
    Ok(Some(confirmed))
}

fn is_same(theirs: Option<&SyncEvent>, own: &RawEvent) -> bool {
    theirs.is_some_and(|theirs| (&*theirs.name, theirs.args.as_deref()) == (&*own.name, own.args.as_deref()))
}
