//! A leader that does what its uplink says.

use super::super::backend::{Answer, Backend, Request};
use super::super::world::{Group, is_synced};
use super::super::{Checked, World, wrong};
use super::{Client, Wire};
use crate::mutant::{self, Mutant};
use crate::sync::{
    BackendId, PageInfo, PushRefusal, Replaced, SyncError, SyncEvent, SyncMessage, SyncPage, SyncRequest, UplinkInput,
    UplinkOutput, Upstream,
};
use std::collections::VecDeque;
use std::time::Duration;

/// More inputs than one can lead to.
const ANSWERS_MAX: usize = 40;

pub(super) fn backend_id() -> BackendId {
    BackendId::new("b")
}

impl Client {
    /// Steps the uplink, and does all that it asks for.
    pub(in super::super) fn feed(
        &mut self,
        input: UplinkInput,
        now: Duration,
        backend: &Backend,
        world: &World,
    ) -> Checked<()> {
        let mut inputs = VecDeque::from([input]);
        for _ in 0..ANSWERS_MAX {
            let Some(input) = inputs.pop_front() else {
                self.uplink.forget_times(now);
                return Ok(());
            };
            for output in self.uplink.step(input, &self.facts(), now) {
                inputs.extend(self.perform(output, backend, world)?);
            }
        }
        wrong("the uplink never rests")
    }

    fn perform(&mut self, output: UplinkOutput, backend: &Backend, world: &World) -> Checked<Option<UplinkInput>> {
        match output {
            UplinkOutput::Connect => {
                self.wire = Wire { is_open: true, ..Wire::default() };
                Ok(Some(UplinkInput::Message(SyncMessage::Connected)))
            }
            UplinkOutput::Disconnect => {
                self.wire = Wire::default();
                Ok(None)
            }
            UplinkOutput::Send(SyncRequest::Pull { after, .. }) => {
                self.wire.requests.push_back(Request::Pull { after });
                self.wire.is_caught_up = false;
                Ok(None)
            }
            UplinkOutput::Push => self.push(world).map(Some),
            UplinkOutput::Compare { events, .. } => self.compare(&events, backend),
            UplinkOutput::Apply(page) => self.apply(&page, backend, world).map(|()| Some(UplinkInput::Applied)),
            UplinkOutput::Reject { number, .. } => self.reject(number).map(|()| Some(UplinkInput::NewPending)),
            UplinkOutput::Send(_)
            | UplinkOutput::Attach { .. }
            | UplinkOutput::OtherBackend { .. }
            | UplinkOutput::Behind { .. } => wrong(format!("there is no reason for {output:?}")),
        }
    }

    fn push(&mut self, world: &World) -> Checked<UplinkInput> {
        if !self.wire.is_caught_up {
            return wrong("it pushes before it has pulled");
        }
        if self.wire.requests.iter().any(|request| matches!(request, Request::Push { .. })) {
            return wrong("two pushes are in flight");
        }
        let first = self.facts().head + 1;
        let mut events = Vec::new();
        let skipped = if mutant::is(Mutant::PushSkipsRefused) { self.refused } else { 0 };
        for group in self.leader.order.pending().iter().skip(skipped) {
            if !events.is_empty() && events.len() + group.events.len() > world.scope.batch {
                break;
            }
            events.extend(group.events.iter().filter(|event| is_synced(**event)));
        }
        if events.is_empty() {
            return Ok(UplinkInput::NothingSent);
        }
        let last = first + events.len() as u64 - 1;
        self.wire.requests.push_back(Request::Push { first, events });
        Ok(UplinkInput::PushSent { first, last })
    }

    fn compare(&self, events: &[SyncEvent], backend: &Backend) -> Checked<Option<UplinkInput>> {
        let held: Vec<u8> = self.leader.log.iter().copied().filter(|event| is_synced(*event)).collect();
        for event in events {
            let at = event.number as usize - 1;
            if held.get(at) != backend.log.get(at) {
                return wrong(format!("e{} differs from the backend's", event.number));
            }
        }
        Ok(None)
    }

    fn apply(&mut self, page: &SyncPage, backend: &Backend, world: &World) -> Checked<()> {
        let mut numbers = page.events.iter().map(|event| event.number).peekable();
        while let Some(number) = numbers.next() {
            // Client-only groups may have been confirmed since the event before.
            let parent = number - 1 + self.client_only();
            let event = backend.log[number as usize - 1];
            if !page.keeps_identity {
                self.apply_one(parent, Group::numbered(number, event), world)?;
                continue;
            }
            let mut group = world.group_of(event).clone();
            let synced: Vec<u8> = group.events.iter().copied().filter(|event| is_synced(*event)).collect();
            for event in synced.iter().skip(1) {
                if numbers.next().map(|number| backend.log[number as usize - 1]) != Some(*event) {
                    return wrong("a page splits a group");
                }
            }
            // What is client-only never left its client.
            if world.owner(event) != self.at {
                group.events = synced;
            }
            self.forward(vec![Upstream::Confirmed { parent, group, replaces: None }])?;
        }
        Ok(())
    }

    /// How many confirmed events have no global number of their own.
    fn client_only(&self) -> u64 {
        self.leader.log.len() as u64 - self.facts().head
    }

    /// An event without an id is ours if it looks like the first pending one.
    fn apply_one(&mut self, parent: u64, group: Group, world: &World) -> Checked<()> {
        let front = self.leader.order.pending().front();
        let event = group.events[0];
        let ours = front.filter(|front| world.looks_like(front.events[0], event));
        if ours.is_some_and(|front| front.events[0] != event) {
            return wrong("an event is taken for another that looks like it");
        }
        let replaces = ours.map(|front| Replaced { id: front.id, events: 1 });
        self.forward(vec![Upstream::Confirmed { parent, group, replaces }])
    }

    fn reject(&mut self, number: u64) -> Checked<()> {
        let at = (number - self.facts().head - 1) as usize;
        let event = self.pushable().nth(at);
        let group =
            self.leader.order.pending().iter().find(|group| event.is_some_and(|event| group.events.contains(&event)));
        match group.map(|group| group.id) {
            Some(id) => self.forward(vec![Upstream::Dropped(id)]),
            None => wrong(format!("e{number} is rejected and was not pushed")),
        }
    }

    /// Merges, persists, then tells the session.
    fn forward(&mut self, batch: Vec<Upstream<Group>>) -> Checked<()> {
        self.leader.hear(batch.clone())?;
        self.news.extend(batch);
        self.confirm_client_only();
        Ok(())
    }

    pub(super) fn confirm_client_only(&mut self) {
        for group in self.leader.order.take_confirmable() {
            let parent = self.leader.log.len() as u64;
            self.leader.log.extend(&group.events);
            self.news.push_back(Upstream::Confirmed { parent, group, replaces: None });
        }
    }
}

/// An answer as the uplink hears it.
pub(in super::super) fn message(answer: Answer, backend: &Backend, world: &World) -> SyncMessage {
    match answer {
        Answer::Page { after, to, is_last } => {
            let events = (after + 1..=to).map(|number| SyncEvent {
                number,
                parent: number - 1,
                name: world.letter(backend.log[number as usize - 1]).into(),
                args: None,
                client_id: String::new(),
                session_id: String::new(),
                id: None,
                rest: None,
            });
            let info = if is_last { PageInfo::Last } else { PageInfo::MoreUnknown };
            let keeps_identity = world.scope.keeps_identity;
            let head = is_last.then_some(to);
            SyncMessage::Page(SyncPage {
                backend_id: backend_id(),
                keeps_identity,
                events: events.collect(),
                info,
                head,
            })
        }
        Answer::Pushed => SyncMessage::Pushed,
        Answer::Ahead { head } => SyncMessage::PushRefused(PushRefusal::ServerAhead { head }),
        Answer::Rejected { number } => {
            SyncMessage::PushRefused(PushRefusal::Rejected { number, reason: String::new() })
        }
    }
}

/// The end of a connection.
pub(in super::super) fn cut() -> UplinkInput {
    UplinkInput::Message(SyncMessage::Disconnected(SyncError::Offline { reason: String::new() }))
}
