//! What must hold in every state.

use super::client::{Client, Node};
use super::world::is_synced;
use super::{Checked, State, World, wrong};

impl State {
    pub(super) fn check(&self, world: &World) -> Checked<()> {
        self.check_log(world)?;
        for (at, client) in self.clients.iter().enumerate() {
            let checked = self.check_client(at, client, world);
            checked.map_err(|error| format!("client {at}: {error}"))?;
        }
        Ok(())
    }

    /// The backend's log: each event once, the events of each client in the order of its commits, groups whole.
    fn check_log(&self, world: &World) -> Checked<()> {
        let log = &self.backend.log;
        is_in_program_order(log, world).map_err(|error| format!("the backend's log: {error}"))?;
        if world.scope.keeps_identity { are_groups_whole(log, world) } else { Ok(()) }
    }

    fn check_client(&self, at: usize, client: &Client, world: &World) -> Checked<()> {
        let synced: Vec<u8> = client.leader.log.iter().copied().filter(|event| is_synced(*event)).collect();
        if !self.backend.log.starts_with(&synced) {
            return wrong(format!("confirmed {synced:?}, and the backend holds {:?}", self.backend.log));
        }
        if !client.leader.log.starts_with(&client.session.log) {
            return wrong(format!("the session's log {:?} is not its leader's", client.session.log));
        }
        check_node(&client.leader, at, client.ingested, world).map_err(|error| format!("leader: {error}"))?;
        check_node(&client.session, at, client.committed, world).map_err(|error| format!("session: {error}"))
    }

    /// Nothing is left to do: everything is confirmed or rejected, everywhere.
    pub(in crate::sync::tests) fn check_quiet(&self, world: &World) -> Checked<()> {
        for (at, client) in self.clients.iter().enumerate() {
            let synced = client.leader.log.iter().filter(|event| is_synced(**event)).count();
            let is_done = synced == self.backend.log.len()
                && client.leader.order.pending().is_empty()
                && client.session.order.pending().is_empty()
                && client.session.log == client.leader.log
                && client.ingested == world.scripts[at].len();
            if !is_done {
                return wrong(format!("client {at} is stuck with {:?}", client.leader.order.pending()));
            }
        }
        Ok(())
    }
}

/// Each event of the first commits is confirmed, pending or rejected, once.
fn check_node(node: &Node, at: usize, commits: usize, world: &World) -> Checked<()> {
    let pending: Vec<u8> = node.order.pending().iter().flat_map(|group| group.events.iter().copied()).collect();
    let held: Vec<u8> = node.log.iter().chain(&pending).copied().collect();
    is_in_program_order(&held, world)?;
    for group in &world.scripts[at][..commits] {
        for event in &group.events {
            let count = held.iter().chain(&node.rejected).filter(|held| *held == event).count();
            if count != 1 {
                return wrong(format!("event {event} is there {count} times"));
            }
        }
    }
    let is_refused = |event: &u8| world.group_of(*event).events.iter().any(|event| world.is_poison(*event));
    if let Some(event) = node.rejected.iter().find(|event| !is_refused(event)) {
        return wrong(format!("event {event} was dropped, and nobody rejected it"));
    }
    if node.order.accepted() > node.order.pending().len() {
        return wrong("more is accepted than is pending");
    }
    if node.order.head() != node.log.len() as u64 {
        return wrong(format!("the head is {}, of {} events", node.order.head(), node.log.len()));
    }
    if world.scope.keeps_identity { are_groups_whole(&node.log, world) } else { Ok(()) }
}

/// Events are named in the order of their commits.
fn is_in_program_order(events: &[u8], world: &World) -> Checked<()> {
    for client in 0..world.scripts.len() as u8 {
        let own = events.iter().filter(|event| world.owner(**event) == client).map(|event| event & 0x7f);
        if !own.clone().zip(own.skip(1)).all(|(before, after)| before < after) {
            return wrong(format!("{events:?} are out of order or there twice"));
        }
    }
    Ok(())
}

/// Of a group, what is client-only is with its own client only.
fn are_groups_whole(log: &[u8], world: &World) -> Checked<()> {
    let log: Vec<u8> = log.iter().copied().filter(|event| is_synced(*event)).collect();
    for (at, event) in log.iter().enumerate() {
        let group: Vec<u8> = world.group_of(*event).events.iter().copied().filter(|event| is_synced(*event)).collect();
        let offset = group.iter().position(|other| other == event).unwrap_or_default();
        let there = at.checked_sub(offset).and_then(|from| log.get(from..from + group.len()));
        if there != Some(&group[..]) {
            return wrong(format!("a group is split in {log:?}"));
        }
    }
    Ok(())
}
