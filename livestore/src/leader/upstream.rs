//! The leader over its backend: what the backend confirms gets its place in the log, what is pending goes out in order.

mod front;

use super::state::State;
use super::{Accepted, Dropped, Judged, Leader};
use crate::error::StorageError;
use crate::event::{CommitGroup, EncodedEvent};
use crate::eventlog::{Backend, PendingGroup, Settled};
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::mutant::{self, Mutant};
use crate::sync::{Order, Pending, Rejected, Replaced, SyncEvent, UplinkOptions, Upstream};
use front::{Front, Own};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) use front::ReadAhead;

/// Events of the pending part that are read at once.
const READ_EVENTS_MIN: usize = 10;
const READ_EVENTS_MAX: usize = 1_000;
/// The most events that are read for one push, with those that do not leave.
const PUSH_READ_EVENTS: usize = 1_000;

/// Why a page was not taken. Nothing of it was.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The backend sent what cannot be.
    #[error("{0}")]
    Protocol(String),
}

impl Leader {
    /// The backend that confirms, if any ever did.
    pub(crate) fn backend(&self) -> Option<&Backend> {
        self.backend.as_ref()
    }

    /// Synced events that the backend has not confirmed.
    pub(crate) fn pending_synced(&self) -> usize {
        self.pending_synced
    }

    /// Takes groups into the pending part. Those that are client-only with nothing synced before them get their place at once.
    pub(crate) fn accept(&mut self, groups: &[Arc<CommitGroup>]) -> Result<Vec<Accepted>, StorageError> {
        self.refresh_order()?;
        let taken = self.log.accept(groups)?;
        let accepted =
            groups.iter().zip(&taken).map(|(group, taken)| Accepted { group: Arc::clone(group), seq: taken.seq });
        let accepted = accepted.collect();
        for group in taken {
            self.pending_synced += group.synced as usize;
            if self.order.push(group).is_err() {
                // Cannot be: the log takes each once. What is on disk decides, at the latest at the next step.
                let _ = self.reload_order();
                break;
            }
        }
        Ok(accepted)
    }

    /// Gives their places to client-only groups that wait for nothing.
    pub(crate) fn settle_client_only(&mut self) -> Result<Vec<Judged>, StorageError> {
        self.refresh_order()?;
        if self.order.pending().front().is_none_or(Pending::is_synced) {
            return Ok(Vec::new());
        }
        let mut settled = Vec::new();
        self.settle_confirmable(&mut settled)
            .and_then(|()| self.settle(&settled))
            .or_else(|error| self.undo_merge(error))
    }

    /// Takes a page that follows the head.
    pub(crate) fn apply_page(&mut self, events: Vec<SyncEvent>) -> Result<Vec<Judged>, PageError> {
        debug_assert!(self.is_in_step(), "state lags the log; catch up first");
        let mut settled = Vec::new();
        let merged = self.merge(events, &mut settled);
        match merged.and_then(|()| self.settle(&settled).map_err(PageError::from)) {
            Ok(judged) => Ok(judged),
            Err(error) => {
                // What is on disk decides; where it cannot be read now, at the next step.
                let _ = self.reload_order();
                Err(error)
            }
        }
    }

    fn undo_merge<T>(&mut self, error: StorageError) -> Result<T, StorageError> {
        let _ = self.reload_order();
        Err(error)
    }

    fn settle(&mut self, settled: &[Settled]) -> Result<Vec<Judged>, StorageError> {
        if settled.is_empty() {
            return Ok(Vec::new());
        }
        if mutant::is(Mutant::StateBeforeLog) {
            return self.settle_state_first(settled);
        }
        self.log.settle(settled)?;
        let were_pending = settled.iter().filter(|settled| settled.seqs.is_some());
        self.pending_synced -= were_pending.map(|settled| settled.group.synced_events()).sum::<usize>();
        crate::crash::crash_point!("leader.between-settled-and-state");
        let groups: Vec<_> = settled.iter().map(|settled| Arc::clone(&settled.group)).collect();
        self.apply(&groups)
    }

    fn merge(&mut self, events: Vec<SyncEvent>, settled: &mut Vec<Settled>) -> Result<(), PageError> {
        let Some(backend) = self.backend.clone() else {
            return Err(PageError::Protocol("a page came before its backend was known".into()));
        };
        check_chain(self.log.upstream_head(), &events)?;
        // Most of a page is this client's own where it confirms anything: what is read of the pending part is as long.
        let read = std::mem::take(&mut self.front);
        let mut front = Front { read, events_max: events.len().clamp(READ_EVENTS_MIN, READ_EVENTS_MAX) };
        if !backend.keeps_identity {
            for event in &events {
                self.settle_confirmable(settled)?;
                self.merge_stripped(&backend, event, &mut front, settled)?;
            }
        } else {
            for incoming in incoming(events)? {
                self.settle_confirmable(settled)?;
                match incoming {
                    Incoming::Group(group) => self.merge_group(group, &mut front, settled)?,
                    Incoming::Bare(event) => self.merge_stripped(&backend, &event, &mut front, settled)?,
                }
            }
        }
        self.settle_confirmable(settled)?;
        self.front = front.left(self.order.pending().front());
        Ok(())
    }

    /// A backend that keeps ids confirms by them.
    fn merge_group(
        &mut self,
        group: CommitGroup,
        front: &mut Front,
        settled: &mut Vec<Settled>,
    ) -> Result<(), PageError> {
        let found = self.find_pending(group.id(), front)?;
        let (group, meta) = match found {
            None => (Arc::new(group), None),
            Some(own) if own.meta.synced as usize == group.events.len() => (own.rest(), Some(own.meta)),
            Some(own) => {
                let (came, pushed) = (group.events.len(), own.meta.synced);
                let message = format!("{came} events came back of the {pushed} that were pushed together");
                return Err(PageError::Protocol(message));
            }
        };
        let seqs = meta.as_ref().map(|meta| (meta.first_seq(), meta.seq));
        let stands_for = meta.unwrap_or_else(|| PendingGroup::of(&group, 0));
        self.confirm(stands_for, None)?;
        settled.push(Settled { group, seqs });
        Ok(())
    }

    /// One that strips them confirms what is equal at its place; there every event stands alone.
    fn merge_stripped(
        &mut self,
        backend: &Backend,
        event: &SyncEvent,
        front: &mut Front,
        settled: &mut Vec<Settled>,
    ) -> Result<(), PageError> {
        let mut single = alone(backend, event);
        let Some(own) = front.of(self)? else {
            return self.confirm_alone(single, None, settled);
        };
        let is_own = |index: &usize| is_same(event, &own.group.events[*index], &own.group);
        let Some(synced_at) = own.first_synced().filter(is_own) else {
            return self.confirm_alone(single, None, settled);
        };
        // Client-only events before it in its group stand alone as well, where they are.
        for index in own.settled..synced_at {
            let before = own.group.part(index..index + 1);
            let (id, seq) = (before.id(), own.seq_of(index));
            self.confirm(PendingGroup::of(&before, seq), Some(Replaced { id, events: 1 }))?;
            settled.push(Settled { group: Arc::new(CommitGroup { was: Some(id), ..before }), seqs: Some((seq, seq)) });
        }
        let was = own.group.event_id(synced_at);
        single.events = vec![own.group.events[synced_at].clone()]; // The bytes as they were first written.
        single.was = Some(was);
        self.confirm_alone(single, Some((was, own.seq_of(synced_at))), settled)
    }

    fn confirm_alone(
        &mut self,
        single: CommitGroup,
        was: Option<(EventId, u64)>,
        settled: &mut Vec<Settled>,
    ) -> Result<(), PageError> {
        // What is new replaces nothing, whatever ids are pending.
        let nothing = Replaced { id: EventId::new(JournalNonce([0; 11]), 0), events: 0 };
        let replaces = was.map_or(nothing, |(id, _)| Replaced { id, events: 1 });
        self.confirm(PendingGroup::of(&single, 0), Some(replaces))?;
        settled.push(Settled { group: Arc::new(single), seqs: was.map(|(_, seq)| (seq, seq)) });
        Ok(())
    }

    fn confirm(&mut self, group: PendingGroup, replaces: Option<Replaced>) -> Result<(), PageError> {
        let parent = self.order.head();
        let item = Upstream::Confirmed { parent, group, replaces };
        self.order.upstream(vec![item]).map(drop).map_err(|error| PageError::Protocol(error.to_string()))
    }

    fn settle_confirmable(&mut self, settled: &mut Vec<Settled>) -> Result<(), StorageError> {
        for meta in self.order.take_confirmable() {
            let group = self.pending_group(&meta)?;
            settled.push(Settled { group, seqs: Some((meta.first_seq(), meta.seq)) });
        }
        Ok(())
    }

    fn pending_group(&self, meta: &PendingGroup) -> Result<Arc<CommitGroup>, StorageError> {
        let found = self.log.pending_between(meta.first_seq(), meta.seq)?.pop();
        found.map(|(group, _)| group).ok_or_else(|| self.log.no_such_pending(meta.seq))
    }

    /// The pending group whose first synced event has this id.
    fn find_pending(&self, id: EventId, front: &mut Front) -> Result<Option<Own>, StorageError> {
        if let Some(own) = front.of(self)?.filter(|own| own.begins_with(id)) {
            return Ok(Some(own));
        }
        let (nonce, _) = id.parts();
        if !self.order.has_of_journal(nonce) {
            return Ok(None);
        }
        // Out of turn: a backend that was replaced got it from another client first.
        let of_journal = self.order.pending().iter().filter(|meta| meta.id.parts().0 == nonce && meta.id <= id);
        let Some(meta) = of_journal.max_by_key(|meta| meta.id).cloned() else { return Ok(None) };
        let own = Own { group: self.pending_group(&meta)?, settled: 0, meta };
        Ok(own.begins_with(id).then_some(own))
    }

    /// The groups at the front of the pending part, as far as they are read at once.
    fn read_front(&self, events_max: usize) -> Result<Vec<(Arc<CommitGroup>, u64)>, StorageError> {
        let mut events = 0;
        let fits = |meta: &&PendingGroup| {
            events += meta.events as usize;
            events <= events_max
        };
        let pending = self.order.pending();
        let count = pending.iter().take_while(fits).count().max(1);
        let Some((first, last)) = pending.front().zip(pending.get(count - 1)) else { return Ok(Vec::new()) };
        self.log.pending_between(first.first_seq(), last.seq)
    }

    /// What to push next: whole groups, numbered on top of the head.
    pub(crate) fn push_batch(&mut self) -> Result<Vec<SyncEvent>, StorageError> {
        if self.is_order_stale {
            return Ok(Vec::new());
        }
        let (mut synced, mut events) = (0, 0);
        let fits = |meta: &&PendingGroup| {
            synced += meta.synced as usize;
            events += meta.events as usize;
            synced <= UplinkOptions::BATCH_EVENTS_MAX && events <= PUSH_READ_EVENTS
        };
        let count = self.order.pending().iter().take_while(fits).count().max(1);
        let ends =
            self.order.pending().front().zip(self.order.pending().get(count - 1).or(self.order.pending().back()));
        let Some((first, last)) = ends else {
            return Ok(Vec::new());
        };
        let mut events: Vec<SyncEvent> = Vec::new();
        let mut bytes = 0;
        let read = self.log.pending_between(first.first_seq(), last.seq)?;
        self.front.clear();
        for (group, seq) in read {
            bytes += group.events.iter().filter(|event| !event.client_only).map(EncodedEvent::bytes).sum::<usize>();
            let is_too_much = bytes > UplinkOptions::BATCH_BYTES_MAX && !events.is_empty();
            if is_too_much || bytes > UplinkOptions::BATCH_BYTES_MAX / 2 && mutant::is(Mutant::LargeNeverSent) {
                break;
            }
            let number = events.last().map_or(self.log.upstream_head(), |event| event.number);
            push_group(&mut events, number, &group);
            // The next page brings them back.
            self.front.push_back((group, seq));
            if mutant::is(Mutant::PushSplitsGroups) {
                events.truncate(1);
                break;
            }
        }
        Ok(events)
    }

    /// The backend will never take the event of this number: its group leaves the pending part, for good.
    pub(crate) fn reject(&mut self, number: u64, reason: &str) -> Result<Option<(Dropped, Rejected)>, StorageError> {
        self.refresh_order()?;
        let mut last = self.log.upstream_head();
        let holds = |meta: &&PendingGroup| {
            last += u64::from(meta.synced);
            last >= number
        };
        let Some(meta) = self.order.pending().iter().find(holds).cloned() else { return Ok(None) };
        let group = self.pending_group(&meta)?;
        let reason = &*super::bounded(reason.to_owned());
        self.log.reject(&meta, reason)?;
        // A dropped group cannot be out of order.
        let _ = self.order.upstream(vec![Upstream::Dropped(meta.id)]);
        self.pending_synced -= meta.synced as usize;
        let name = group.events.first().map_or_else(String::new, |event| event.name.to_string());
        let shown = Rejected::new(meta.id, group.events.len(), name, reason.to_owned());
        Ok(Some((Dropped { id: meta.id, place: self.log.head().place, reason: reason.into() }, shown)))
    }

    /// From here on this backend confirms. Whether what was confirmed is pending again, so that sessions have to begin again.
    pub(crate) fn attach(&mut self, backend: Backend) -> Result<bool, StorageError> {
        if self.log.head().place == 0 {
            self.log.adopt(&backend)?;
            self.backend = Some(backend);
            return Ok(false);
        }
        self.replace_state(|log, name| log.attach(&backend, name))?;
        self.backend = Some(backend);
        Ok(true)
    }

    /// Another backend confirms, or the same one that lost events: all that was confirmed is pending again.
    pub(crate) fn rejoin(&mut self, backend: Backend) -> Result<(), StorageError> {
        self.replace_state(|log, name| log.attach(&backend, name))?;
        self.backend = Some(backend);
        Ok(())
    }

    /// The backend says other things of itself than it did.
    pub(crate) fn adopt(&mut self, backend: Backend) -> Result<(), StorageError> {
        self.log.adopt(&backend)?;
        self.backend = Some(backend);
        Ok(())
    }

    /// Whether the log holds these events, which come at or before its head, under their numbers.
    pub(crate) fn holds(&self, events: &[SyncEvent], keeps_identity: bool) -> Result<bool, StorageError> {
        if mutant::is(Mutant::ForkNotSeen) {
            return Ok(true);
        }
        for event in events {
            let Some(row) = self.log.synced_row(event.number)? else { return Ok(false) };
            let is_held = match event.id {
                Some(id) if keeps_identity => row.id == id,
                _ => {
                    let origin = (row.client_id.as_str(), row.session_id.as_str());
                    is_equal(event, &row.event, origin)
                }
            };
            if !is_held {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether there is a place for a copy of the log.
    pub(crate) fn can_keep_aside(&self) -> bool {
        matches!(self.storage, super::Storage::Folder(_))
    }

    /// Another backend confirms, and nothing of what is here goes to the new backend: it is kept aside in a copy of the log.
    pub(crate) fn begin_again(&mut self, backend: Backend) -> Result<Option<PathBuf>, StorageError> {
        let kept = self.storage.kept_log();
        if let Some(kept) = &kept {
            self.log.export(kept)?;
            // Of a try that failed. Removed only now: whatever became of that try, nothing is without a copy.
            if let Some(older) = self.spare_copy.replace(kept.clone()) {
                let _ = std::fs::remove_file(older);
            }
        }
        self.replace_state(|log, name| log.begin_again(&backend, name))?;
        self.spare_copy = None;
        self.backend = Some(backend);
        Ok(kept)
    }

    fn replace_state(
        &mut self,
        swap: impl FnOnce(&mut crate::eventlog::Eventlog, &str) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let old = self.log.state_file()?;
        // No other leader has this epoch, and it never begins a generation twice.
        let (epoch, generation) = (self.log.epoch(), self.log.generation()? + 1);
        let name = format!("state-{}-{epoch}-{generation}.db", self.fingerprint);
        self.storage.remove_state(&name); // Of a try that failed; the log never named it.
        let state = State::create(self.storage.state(&name), self.materializers, &self.fingerprint, epoch)?;
        state.complete()?;
        crate::crash::crash_point!("leader.before-attach");
        swap(&mut self.log, &name)?;
        crate::crash::crash_point!("leader.after-attach");
        self.state = state;
        if let Some(old) = old {
            self.storage.remove_state(&old);
        }
        let _ = self.reload_order(); // The log has begun again: read at the next step, where it cannot be read now.
        Ok(())
    }

    /// After something else wrote to the log. Until it is read, nothing goes by what was known of it.
    pub(super) fn reload_order(&mut self) -> Result<(), StorageError> {
        self.is_order_stale = true;
        // What was read ahead goes by the order that is given up: a page that failed had moved on in it.
        self.front.clear();
        let mut order = Order::new(self.log.head().place);
        let mut synced = 0;
        for group in self.log.pending_groups()? {
            synced += group.synced as usize;
            order.restore(group);
        }
        (self.order, self.pending_synced, self.is_order_stale) = (order, synced, false);
        Ok(())
    }

    /// After something else wrote to the log, to be read at the next step.
    pub(super) fn forget_order(&mut self) {
        self.is_order_stale = true;
    }

    /// Where the pending part could not be read when it changed.
    pub(super) fn refresh_order(&mut self) -> Result<(), StorageError> {
        if self.is_order_stale { self.reload_order() } else { Ok(()) }
    }
}

/// Numbers count up by one from the head, and each names the one before it.
fn check_chain(head: u64, events: &[SyncEvent]) -> Result<(), PageError> {
    let mut last = head;
    for event in events {
        if event.parent != last || event.number != last + 1 || event.number > i64::MAX as u64 {
            let message = format!("e{} with parent e{} came after e{last}", event.number, event.parent);
            return Err(PageError::Protocol(message));
        }
        last = event.number;
    }
    Ok(())
}

/// Events without an id, of TypeScript clients for example, get one that all clients derive alike.
fn derived_id(backend: &Backend, number: u64) -> (JournalNonce, u64) {
    (backend.nonce(), number.min(EventId::ORDINAL_MAX))
}

fn encoded(event: &SyncEvent) -> EncodedEvent {
    EncodedEvent { name: Cow::Owned(event.name.clone()), client_only: false, args: event.args.clone() }
}

fn alone(backend: &Backend, event: &SyncEvent) -> CommitGroup {
    single(derived_id(backend, event.number), event)
}

fn single(id: (JournalNonce, u64), event: &SyncEvent) -> CommitGroup {
    let (client_id, session_id) = (ClientId::from_stored(&event.client_id), SessionId::from_stored(&event.session_id));
    CommitGroup::new(id, client_id, session_id, vec![encoded(event)])
}

/// What a page of a backend that keeps ids brings.
enum Incoming {
    /// Whole, as it was pushed.
    Group(CommitGroup),
    /// An event of a client that gives no ids.
    Bare(SyncEvent),
}

fn incoming(events: Vec<SyncEvent>) -> Result<Vec<Incoming>, PageError> {
    let mut incoming: Vec<Incoming> = Vec::new();
    let mut rest = 0;
    for event in events {
        if rest > 0 {
            let Some(Incoming::Group(group)) = incoming.last_mut() else { break };
            join(group, &event, rest)?;
            rest -= 1;
            continue;
        }
        rest = event.rest.unwrap_or(0);
        if rest as usize >= CommitGroup::EVENTS_MAX || (rest > 0 && event.id.is_none()) {
            return Err(PageError::Protocol(format!("e{} begins a group of {rest} more events", event.number)));
        }
        incoming.push(match event.id {
            Some(id) => Incoming::Group(single(id.parts(), &event)),
            None => Incoming::Bare(event),
        });
    }
    if rest > 0 {
        return Err(PageError::Protocol(format!("a page ends {rest} events before the end of a commit group")));
    }
    Ok(incoming)
}

fn join(group: &mut CommitGroup, event: &SyncEvent, rest: u32) -> Result<(), PageError> {
    let wrong = || PageError::Protocol(format!("e{} does not go on with the commit group before it", event.number));
    let (nonce, ordinal) = event.id.ok_or_else(wrong)?.parts();
    let last = group.last_ordinal();
    if nonce != group.nonce
        || ordinal <= last
        || event.rest != Some(rest - 1)
        || ordinal - group.ordinal > u64::from(u32::MAX)
    {
        return Err(wrong());
    }
    group.push(encoded(event), (ordinal - group.ordinal) as u32);
    Ok(())
}

/// Adds the synced events of a group behind what is in the batch.
fn push_group(events: &mut Vec<SyncEvent>, mut number: u64, group: &CommitGroup) {
    let leaves = |event: &EncodedEvent| !event.client_only || mutant::is(Mutant::ClientOnlyLeaves);
    let mut rest = group.events.iter().filter(|event| leaves(event)).count() as u32;
    for (index, event) in group.events.iter().enumerate().filter(|(_, event)| leaves(event)) {
        rest -= 1;
        events.push(SyncEvent {
            number: number + 1,
            parent: number,
            name: event.name.to_string(),
            args: event.args.clone(),
            client_id: group.client_id.to_string(),
            session_id: group.session_id.to_string(),
            id: Some(group.event_id(index)),
            rest: Some(rest),
        });
        number += 1;
    }
}

/// Equal in what a backend that strips ids lets through. Args are compared as JSON values: a backend may write them anew.
fn is_same(event: &SyncEvent, own: &EncodedEvent, group: &CommitGroup) -> bool {
    is_equal(event, own, (group.client_id.as_str(), group.session_id.as_str()))
}

fn is_equal(event: &SyncEvent, own: &EncodedEvent, (client_id, session_id): (&str, &str)) -> bool {
    let is_equal = |left: &str, right: &str| {
        let value = serde_json::from_str::<serde_json::Value>;
        left == right || value(left).ok().zip(value(right).ok()).is_some_and(|(left, right)| left == right)
    };
    event.name == *own.name
        && event.client_id == client_id
        && event.session_id == session_id
        && match (&event.args, &own.args) {
            (None, None) => true,
            (Some(args), Some(own)) => is_equal(args, own),
            // The original's server gives an event that came without args back with null, once it was stored.
            (Some(args), None) | (None, Some(args)) => is_equal(args, "null"),
        }
}
