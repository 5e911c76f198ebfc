//! One client: a session with its journal, and a leader with its log and its uplink.

mod leader;
mod merge;

pub(super) use leader::{cut, message};

use super::backend::Wire;
use super::world::{Group, is_synced};
use super::{Checked, World, wrong};
use crate::mutant::{self, Mutant};
use crate::sync::{Facts, Order, Uplink, UplinkOptions, Upstream};
use std::collections::VecDeque;
use std::time::Duration;

/// The length of every wait.
pub(super) const WAIT: Duration = Duration::from_nanos(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::sync::tests) struct Client {
    pub(super) at: u8,
    pub(super) session: Node,
    /// How many groups its journal holds.
    pub(super) committed: usize,
    /// From the leader to the session.
    pub(super) news: VecDeque<Upstream<Group>>,
    pub(super) leader: Node,
    /// How many groups of the journal the leader took.
    pub(super) ingested: usize,
    pub(super) uplink: Uplink,
    pub(super) wire: Wire,
    /// How many events the leader pushed that were refused; only a defect looks at it.
    pub(super) refused: usize,
}

/// What one role holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) order: Order<Group>,
    /// The confirmed events, in order.
    pub(super) log: Vec<u8>,
    pub(super) rejected: Vec<u8>,
}

impl Client {
    pub(super) fn start(at: usize) -> Self {
        let node = Node { order: Order::new(0), log: Vec::new(), rejected: Vec::new() };
        Self {
            at: at as u8,
            session: node.clone(),
            committed: 0,
            news: VecDeque::new(),
            leader: node,
            ingested: 0,
            uplink: uplink(),
            wire: Wire::default(),
            refused: 0,
        }
    }

    pub(super) fn facts(&self) -> Facts {
        let synced = self.leader.log.iter().filter(|event| is_synced(**event)).count();
        Facts { head: synced as u64, backend_id: Some(leader::backend_id()), pending: self.pushable().count() }
    }

    /// The synced events that are pending.
    fn pushable(&self) -> impl Iterator<Item = u8> {
        let events = self.leader.order.pending().iter().flat_map(|group| &group.events);
        events.copied().filter(|event| is_synced(*event))
    }

    /// A commit: visible in the session, durable in the journal.
    pub(super) fn commit(&mut self, at: usize, world: &World) -> Checked<()> {
        let group = world.scripts[at][self.committed].clone();
        self.committed += 1;
        self.session.order.push(group).map_err(|error| format!("the session refused its own commit: {error}"))
    }

    /// The leader takes the next group of the journal.
    pub(super) fn ingest(&mut self, at: usize, world: &World) -> Checked<()> {
        let group = world.scripts[at][self.ingested].clone();
        self.ingested += 1;
        self.leader.order.push(group.clone()).map_err(|error| format!("the leader refused a group: {error}"))?;
        self.news.push_back(Upstream::Accepted(group));
        self.confirm_client_only();
        Ok(())
    }

    pub(super) fn read_news(&mut self) -> Checked<()> {
        match self.news.pop_front() {
            Some(item) => self.session.hear(vec![item]),
            None => wrong("there are no news"),
        }
    }

    /// The leader begins anew, from what it persisted, and the session from what the leader says.
    pub(super) fn restart(&mut self, at: usize, world: &World) -> Checked<()> {
        self.uplink = uplink();
        self.wire = Wire::default();
        self.news.clear();
        self.refused = 0;
        if mutant::is(Mutant::JournalTakenTwice) {
            self.ingested = 0;
        }
        let unknown = world.scripts[at].get(self.ingested..).unwrap_or_default();
        self.session.order.restart(self.leader.order.head(), |group| unknown.contains(group));
        (self.session.log, self.session.rejected) = (self.leader.log.clone(), self.leader.rejected.clone());
        let pending = self.leader.order.pending().iter().cloned().map(Upstream::Accepted);
        self.session.hear(pending.collect())
    }
}

fn uplink() -> Uplink {
    let never = Duration::from_secs(1 << 30);
    let options = UplinkOptions {
        retry_min: WAIT,
        retry_max: 2 * WAIT,
        slow_retry_min: WAIT,
        slow_retry_max: 2 * WAIT,
        connect_timeout: WAIT,
        page_timeout: WAIT,
        push_timeout: WAIT,
        echo_timeout: WAIT,
        ping_after: never,
        ping_timeout: WAIT,
        recheck_after: WAIT,
    };
    Uplink::new(options, 1)
}
