//! The leader over its backend: what the backend confirms gets its place in the log, what is pending goes out in order.

use super::state::State;
use super::{Accepted, Dropped, Judged, Leader};
use crate::error::StorageError;
use crate::event::{CommitGroup, EncodedEvent};
use crate::eventlog::{Backend, PendingGroup, Settled};
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::sync::{Order, Pending, Replaced, SyncEvent, Upstream};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The most events and payload bytes in one push; a larger group goes alone.
const PUSH_EVENTS: usize = 100;
const PUSH_BYTES: usize = 900_000;
/// Events of the pending part that are read at once.
const READ_EVENTS: usize = 200;

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
        let taken = self.log.accept(groups)?;
        let accepted =
            groups.iter().zip(&taken).map(|(group, taken)| Accepted { group: Arc::clone(group), seq: taken.seq });
        let accepted = accepted.collect();
        for group in taken {
            self.pending_synced += group.synced as usize;
            if self.order.push(group).is_err() {
                // Cannot be: the log takes each once. What is on disk decides.
                self.reload_order()?;
                break;
            }
        }
        Ok(accepted)
    }

    /// Gives their places to client-only groups that wait for nothing.
    pub(crate) fn settle_client_only(&mut self) -> Result<Vec<Judged>, StorageError> {
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
                // What is on disk decides.
                self.reload_order()?;
                Err(error)
            }
        }
    }

    fn undo_merge<T>(&mut self, error: StorageError) -> Result<T, StorageError> {
        self.reload_order()?;
        Err(error)
    }

    fn settle(&mut self, settled: &[Settled]) -> Result<Vec<Judged>, StorageError> {
        if settled.is_empty() {
            return Ok(Vec::new());
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
        let mut front = Front::default();
        if !backend.keeps_identity {
            for event in &events {
                self.settle_confirmable(settled)?;
                self.merge_stripped(&backend, event, &mut front, settled)?;
            }
        } else {
            for group in incoming_groups(&backend, events)? {
                self.settle_confirmable(settled)?;
                self.merge_group(group, &mut front, settled)?;
            }
        }
        self.settle_confirmable(settled)?;
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
            Some((own, meta)) if meta.synced as usize == group.events.len() => (own, Some(meta)),
            Some((_, meta)) => {
                let message =
                    format!("{} events came back of the {} that were pushed together", group.events.len(), meta.synced);
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
        let number = event.number;
        let mut single = alone(backend, number, event);
        let Some((own, meta)) = front.of(self)? else {
            return self.confirm_alone(single, None, settled);
        };
        let synced_at = own.events.iter().position(|own| !own.client_only).unwrap_or(0);
        let is_own = own.events.get(synced_at).is_some_and(|encoded| is_same(event, encoded, &own));
        if !is_own {
            return self.confirm_alone(single, None, settled);
        }
        // Client-only events before it in its group stand alone as well, where they are.
        for index in 0..synced_at {
            let before = own.part(index..index + 1);
            let replaced = Replaced { id: before.id(), events: 1 };
            let seq = meta.first_seq() + index as u64;
            self.confirm(PendingGroup::of(&before, seq), Some(replaced))?;
            settled.push(Settled {
                group: Arc::new(CommitGroup { was: Some(before.id()), ..before }),
                seqs: Some((seq, seq)),
            });
        }
        let seq = meta.first_seq() + synced_at as u64;
        let was = own.event_id(synced_at);
        if let Some(kept) = own.events.get(synced_at) {
            single.events = vec![kept.clone()]; // The bytes as they were first written.
        }
        single.was = Some(was);
        front.forget();
        self.confirm_alone(single, Some((was, seq)), settled)
    }

    fn confirm_alone(
        &mut self,
        single: CommitGroup,
        was: Option<(EventId, u64)>,
        settled: &mut Vec<Settled>,
    ) -> Result<(), PageError> {
        self.confirm(PendingGroup::of(&single, 0), was.map(|(id, _)| Replaced { id, events: 1 }))?;
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
    fn find_pending(
        &self,
        id: EventId,
        front: &mut Front,
    ) -> Result<Option<(Arc<CommitGroup>, PendingGroup)>, StorageError> {
        let has_id = |group: &CommitGroup| {
            let synced = group.events.iter().position(|event| !event.client_only);
            synced.is_some_and(|index| group.event_id(index) == id)
        };
        if let Some((own, meta)) = front.of(self)?
            && has_id(&own)
        {
            front.forget_first();
            return Ok(Some((own, meta)));
        }
        let (nonce, _) = id.parts();
        if !front.journals(&self.order).contains(&nonce) {
            return Ok(None);
        }
        // Out of turn: a backend that was replaced got it from another client first.
        let of_journal = self.order.pending().iter().filter(|meta| meta.id.parts().0 == nonce && meta.id <= id);
        let Some(meta) = of_journal.max_by_key(|meta| meta.id).cloned() else { return Ok(None) };
        let group = self.pending_group(&meta)?;
        front.forget();
        Ok(has_id(&group).then_some((group, meta)))
    }

    /// What to push next: whole groups, numbered on top of the head.
    pub(crate) fn push_batch(&self) -> Result<Vec<SyncEvent>, StorageError> {
        let mut synced = 0;
        let fits = |meta: &&PendingGroup| {
            synced += meta.synced as usize;
            synced <= PUSH_EVENTS
        };
        let count = self.order.pending().iter().take_while(fits).count().max(1);
        let ends =
            self.order.pending().front().zip(self.order.pending().get(count - 1).or(self.order.pending().back()));
        let Some((first, last)) = ends else {
            return Ok(Vec::new());
        };
        let mut events: Vec<SyncEvent> = Vec::new();
        let mut bytes = 0;
        for (group, _) in self.log.pending_between(first.first_seq(), last.seq)? {
            bytes += group.events.iter().filter(|event| !event.client_only).map(EncodedEvent::bytes).sum::<usize>();
            if bytes > PUSH_BYTES && !events.is_empty() {
                break;
            }
            let number = events.last().map_or(self.log.upstream_head(), |event| event.number);
            push_group(&mut events, number, &group);
        }
        Ok(events)
    }

    /// The backend will never take the event of this number: its group leaves the pending part, for good.
    pub(crate) fn reject(&mut self, number: u64, reason: &str) -> Result<Option<Dropped>, StorageError> {
        let mut last = self.log.upstream_head();
        let holds = |meta: &&PendingGroup| {
            last += u64::from(meta.synced);
            last >= number
        };
        let Some(meta) = self.order.pending().iter().find(holds).cloned() else { return Ok(None) };
        self.log.reject(&meta, reason)?;
        // A dropped group cannot be out of order.
        let _ = self.order.upstream(vec![Upstream::Dropped(meta.id)]);
        self.pending_synced -= meta.synced as usize;
        Ok(Some(Dropped { id: meta.id, place: self.log.head().place, reason: reason.into() }))
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

    /// Another backend confirms, and nothing of what is here goes to the new backend: it is kept aside in a copy of the log.
    pub(crate) fn begin_again(&mut self, backend: Backend) -> Result<Option<PathBuf>, StorageError> {
        let kept = self.storage.kept_log();
        if let Some(kept) = &kept {
            self.log.export(kept)?;
        }
        self.replace_state(|log, name| log.begin_again(&backend, name))?;
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
        let state = State::create(self.storage.state(&name), self.materializers, &self.fingerprint, epoch)?;
        state.complete()?;
        crate::crash::crash_point!("leader.before-attach");
        swap(&mut self.log, &name)?;
        crate::crash::crash_point!("leader.after-attach");
        self.state = state;
        if let Some(old) = old {
            self.storage.remove_state(&old);
        }
        self.reload_order()
    }

    /// After something else wrote to the log.
    pub(super) fn reload_order(&mut self) -> Result<(), StorageError> {
        let mut order = Order::new(self.log.head().place);
        self.pending_synced = 0;
        for group in self.log.pending_groups()? {
            let seq = group.seq;
            self.pending_synced += group.synced as usize;
            order.push(group).map_err(|_| self.log.no_such_pending(seq))?;
        }
        self.order = order;
        Ok(())
    }
}

/// The payloads at the front of the pending part, read some at a time.
#[derive(Default)]
struct Front {
    read: std::collections::VecDeque<(Arc<CommitGroup>, u64)>,
    journals: Option<BTreeSet<JournalNonce>>,
}

impl Front {
    /// The first pending group that has a synced event; those before it were settled.
    fn of(&mut self, leader: &Leader) -> Result<Option<(Arc<CommitGroup>, PendingGroup)>, StorageError> {
        let Some(meta) = leader.order.pending().front() else { return Ok(None) };
        let is_read = self.read.front().is_some_and(|(group, seq)| *seq == meta.seq && group.id() == meta.id);
        if !is_read {
            self.read = leader.log.pending_after(meta.first_seq() - 1, READ_EVENTS)?.into();
        }
        let Some((group, _)) = self.read.front() else { return Err(leader.log.no_such_pending(meta.seq)) };
        Ok(Some((Arc::clone(group), meta.clone())))
    }

    fn forget_first(&mut self) {
        self.read.pop_front();
    }

    fn forget(&mut self) {
        self.read.clear();
    }

    /// The journals that something is pending of.
    fn journals(&mut self, order: &Order<PendingGroup>) -> &BTreeSet<JournalNonce> {
        self.journals.get_or_insert_with(|| order.pending().iter().map(|meta| meta.id.parts().0).collect())
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
    let mut nonce = [0; 11];
    // Two halves of FNV-1a over the backend's id, 88 bits in all: equal everywhere, and not a random nonce's by chance.
    let hash = |seed: u64| {
        backend.id.as_str().bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    nonce[..8].copy_from_slice(&hash(0xcbf2_9ce4_8422_2325).to_be_bytes());
    nonce[8..].copy_from_slice(&hash(0x9e37_79b9_7f4a_7c15).to_be_bytes()[..3]);
    (JournalNonce(nonce), number.min(EventId::ORDINAL_MAX))
}

fn encoded(event: &SyncEvent) -> EncodedEvent {
    EncodedEvent { name: Cow::Owned(event.name.clone()), client_only: false, args: event.args.clone() }
}

fn alone(backend: &Backend, number: u64, event: &SyncEvent) -> CommitGroup {
    let (client_id, session_id) = (ClientId::from_stored(&event.client_id), SessionId::from_stored(&event.session_id));
    CommitGroup::new(derived_id(backend, number), client_id, session_id, vec![encoded(event)])
}

/// The groups of a page, whole as they were pushed.
fn incoming_groups(backend: &Backend, events: Vec<SyncEvent>) -> Result<Vec<CommitGroup>, PageError> {
    let mut groups: Vec<CommitGroup> = Vec::new();
    let mut rest = 0;
    for event in events {
        if rest > 0 {
            let Some(group) = groups.last_mut() else { break };
            join(group, &event, rest)?;
            rest -= 1;
            continue;
        }
        let mut group = alone(backend, event.number, &event);
        if let Some(id) = event.id {
            (group.nonce, group.ordinal) = id.parts();
        }
        rest = event.rest.unwrap_or(0);
        if rest as usize >= CommitGroup::EVENTS_MAX {
            return Err(PageError::Protocol(format!("e{} begins a group of {rest} more events", event.number)));
        }
        groups.push(group);
    }
    if rest > 0 {
        return Err(PageError::Protocol(format!("a page ends {rest} events before the end of a commit group")));
    }
    Ok(groups)
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
    let mut rest = group.synced_events() as u32;
    for (index, event) in group.events.iter().enumerate().filter(|(_, event)| !event.client_only) {
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
            _ => false,
        }
}
