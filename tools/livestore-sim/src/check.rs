//! What must hold: after each step, now and then, and at the end.

use crate::Workload;
use crate::client::{Client, STORE};
use crate::world::World;
use std::sync::PoisonError;
use std::time::Duration;

impl<W: Workload> World<W> {
    /// O1 to O4 on the backend's log, O2 at the clients, L2, S1.
    pub(crate) fn check_cheap(&mut self) -> Result<(), String> {
        if self.backend.head(STORE) != self.history.log.len() as u64 {
            let log = self.backend.events(STORE);
            self.history.follow(&log)?;
        }
        for client in &mut self.clients {
            compare_log(client, &self.history.log)?;
        }
        self.history.poll(self.plan.keeps_identity)?;
        match self.network.leak() {
            Some(frame) => Err(format!("S1: a frame holds what is of its client alone: {frame}")),
            None => Ok(()),
        }
    }

    /// C1, C4: sessions that say they are synced have the state that the model has.
    pub(crate) fn check_dear(&self) -> Result<(), String> {
        let head = self.backend.head(STORE);
        let groups = self.history.groups(usize::MAX, self.plan.keeps_identity);
        let expected = self.workload.expect(&groups);
        for client in &self.clients {
            for session in &client.sessions {
                let status = session.store.sync_status();
                if let Some(reason) = session.store.status().closed {
                    return Err(format!("L5: client {} is closed: {reason}", client.index));
                }
                let is_idle = self.now >= client.asleep_until && status.is_synced() && status.synced == head;
                if !is_idle {
                    continue;
                }
                let found = self.workload.dump(&session.store).map_err(|error| error.to_string())?;
                if found != expected {
                    let index = client.index;
                    return Err(format!("C1: client {index} has\n  {found}\nand the model has\n  {expected}"));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn check_end(&mut self) -> Result<(), String> {
        self.check_dear()?;
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.history.check_end(&refused, self.plan.keeps_identity)?;
        if W::SECRET.is_some_and(|secret| self.backend.contains(secret)) {
            return Err("S1: the backend holds what is of its client alone".into());
        }
        self.check_reopened()?;
        self.check_newcomer()
    }

    /// C2: what a client has after it was closed and opened again is what it had.
    fn check_reopened(&mut self) -> Result<(), String> {
        let expected = self.workload.expect(&self.history.groups(usize::MAX, self.plan.keeps_identity));
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            if !client.is_native() {
                continue;
            }
            crate::sometimes!("a client is opened again at the end");
            while !client.sessions.is_empty() {
                client.close(0)?;
            }
            client.open(&self.network, u64::MAX)?;
            let Some(session) = client.sessions.first() else { continue };
            let found = self.workload.dump(&session.store).map_err(|error| error.to_string())?;
            if found != expected {
                return Err(format!("C2: client {index}, opened again, has\n  {found}\nand not\n  {expected}"));
            }
        }
        Ok(())
    }

    /// C2: somebody new comes to the same state from the log alone.
    fn check_newcomer(&mut self) -> Result<(), String> {
        let mut client = Client::<W>::new(self.clients.len(), false);
        client.open(&self.network, u64::MAX)?;
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

/// O2: the confirmed log of a client is the beginning of the backend's.
fn compare_log<W: Workload>(client: &mut Client<W>, log: &[livestore::SyncEvent]) -> Result<(), String> {
    let Some(session) = client.sessions.first() else { return Ok(()) };
    let status = session.store.sync_status();
    let synced = status.synced as usize;
    // As long as no backend was met, what is in the log is provisional.
    if status.backend_id.is_none() || synced <= client.compared {
        return Ok(());
    }
    let since = format!("e{}", client.compared).parse().map_err(|error| format!("{error}"))?;
    let mut events = session.store.raw_events().since(since).until_now();
    while let Some(event) = events.try_next() {
        let event = event.map_err(|error| error.to_string())?;
        // What comes later is pending yet.
        if event.event.client_only || event.number.global as usize > synced {
            continue;
        }
        let index = event.number.global as usize - 1;
        let theirs = log.get(index).map(|theirs| (&*theirs.name, theirs.args.as_deref()));
        if theirs != Some((&*event.event.name, event.event.args.as_deref())) {
            let is = client.index;
            return Err(format!("O2: {} of client {is} is {event:?}, and {theirs:?} at the backend", event.number));
        }
        client.compared = client.compared.max(index + 1);
    }
    Ok(())
}
