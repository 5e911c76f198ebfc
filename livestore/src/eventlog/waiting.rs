//! The leader's pending part: groups that are safe here, and that the backend has not confirmed. They carry no number; it follows from
//! the head and their order, so a rebase writes nothing here.

use super::format::{Eventlog, LogHead};
use super::page::{self, LogFilter, LogRow};
use crate::error::StorageError;
use crate::event::{CommitGroup, EncodedEvent, SequenceNumber};
use crate::ids::{EventId, JournalNonce};
use crate::mutant::{self, Mutant};
use crate::sync::{BackendId, Pending, Rejected};
use rusqlite::params;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Rows read at once while the whole log is walked.
const PAGE_EVENTS: usize = 2_000;

/// A group of the pending part, without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingGroup {
    pub(crate) id: EventId,
    /// Counts all events that ever were pending; that of the group's last event. Never used twice.
    pub(crate) seq: u64,
    pub(crate) events: u32,
    pub(crate) synced: u32,
    /// Its events, where they are not all of one kind, or not side by side in their journal. One pointer: there may be a million
    /// of these groups, and few that have it.
    kinds: Option<Box<Kinds>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kinds(Box<[Kind]>);

const _: () = assert!(size_of::<PendingGroup>() <= 40);

/// One event of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    /// How far behind the first one it stands in its journal.
    offset: u32,
    is_synced: bool,
}

impl PendingGroup {
    pub(crate) fn of(group: &CommitGroup, seq: u64) -> Self {
        let kinds = group.events.iter().enumerate().map(|(index, event)| Kind {
            offset: offset(group.id(), group.event_id(index)),
            is_synced: !event.client_only,
        });
        Self::with_kinds(group.id(), seq, kinds.collect())
    }

    fn with_kinds(id: EventId, seq: u64, kinds: Box<[Kind]>) -> Self {
        let (events, synced) = (kinds.len(), kinds.iter().filter(|kind| kind.is_synced).count());
        let is_mixed = synced > 0 && synced < events;
        let has_gaps = kinds.iter().zip(0..).any(|(kind, index)| kind.offset != index);
        let kinds = (is_mixed || has_gaps).then(|| Box::new(Kinds(kinds)));
        Self { id, seq, events: events as u32, synced: synced as u32, kinds }
    }

    /// Of its first event.
    pub(crate) fn first_seq(&self) -> u64 {
        (self.seq + 1).saturating_sub(u64::from(self.events))
    }
}

impl Pending for PendingGroup {
    fn id(&self) -> EventId {
        self.id
    }

    fn events(&self) -> usize {
        self.events as usize
    }

    fn is_synced(&self) -> bool {
        self.synced > 0
    }

    fn rest(&self, settled: usize) -> Option<Self> {
        let left = (self.events as usize).checked_sub(settled).filter(|left| *left > 0)?;
        let (nonce, ordinal) = self.id.parts();
        let Some(kinds) = &self.kinds else {
            let synced = if self.synced > 0 { left as u32 } else { 0 };
            let id = EventId::new(nonce, ordinal + settled as u64);
            return Some(Self { id, seq: self.seq, events: left as u32, synced, kinds: None });
        };
        let kinds = kinds.0.get(settled..)?;
        let first = kinds.first()?.offset;
        let kinds = kinds.iter().map(|kind| Kind { offset: kind.offset - first, ..*kind }).collect();
        Some(Self::with_kinds(EventId::new(nonce, ordinal + u64::from(first)), self.seq, kinds))
    }
}

fn offset(first: EventId, id: EventId) -> u32 {
    id.parts().1.saturating_sub(first.parts().1) as u32
}

/// A group that gets its place, and the rows of the pending part that it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub(crate) group: Arc<CommitGroup>,
    /// First and last.
    pub(crate) seqs: Option<(u64, u64)>,
}

/// Ranges, where those that follow each other without a gap are one: most of a page is.
fn joined(ranges: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if before.1 + 1 == first => before.1 = last,
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// The backend that the log is confirmed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) id: BackendId,
    pub(crate) keeps_identity: bool,
}

impl Backend {
    /// What stands for the journal of events that this backend gives no id; all clients derive it alike.
    pub(crate) fn nonce(&self) -> JournalNonce {
        self.nonce_with(&[])
    }

    /// The same for an event that is pending again: the backend may give its number to another. Derived from what the event
    /// says, because all clients push it, each after a history of its own.
    fn nonce_again(&self, group: &CommitGroup) -> JournalNonce {
        let event = group.events.first();
        let args = event.and_then(|event| event.args.as_deref()).unwrap_or("null");
        // As a value: a backend may write args anew.
        let args =
            serde_json::from_str::<serde_json::Value>(args).map_or_else(|_| args.to_owned(), |args| args.to_string());
        let name = event.map_or("", |event| &*event.name);
        let texts = [name, &args, group.client_id.as_str(), group.session_id.as_str()];
        let mut tail = vec![1];
        tail.extend(texts.iter().flat_map(|text| (text.len() as u64).to_be_bytes().into_iter().chain(text.bytes())));
        self.nonce_with(&tail)
    }

    /// For a second event of one id, which only a backend that broke its word gives; no client but this one has to know it.
    fn nonce_twice(&self, generation: u64) -> JournalNonce {
        self.nonce_with(&(u64::MAX - generation).to_be_bytes())
    }

    fn nonce_with(&self, tail: &[u8]) -> JournalNonce {
        let mut nonce = [0; 11];
        // Two halves of FNV-1a over the backend's id, 88 bits in all: equal everywhere, and not a random nonce's by chance.
        let hash = |seed: u64| {
            let bytes = self.id.as_str().bytes().chain(tail.iter().copied());
            bytes.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        nonce[..8].copy_from_slice(&hash(0xcbf2_9ce4_8422_2325).to_be_bytes());
        nonce[8..].copy_from_slice(&hash(0x9e37_79b9_7f4a_7c15).to_be_bytes()[..3]);
        JournalNonce(nonce)
    }
}

/// A group that the backend will never take. Kept, and shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RejectedGroup {
    pub(crate) group: CommitGroup,
    /// The head of the log when it was.
    pub(crate) place: u64,
    pub(crate) reason: String,
}

impl Eventlog {
    /// Takes what a journal that nobody holds any more had left: into the pending part where a backend confirms.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    pub(crate) fn take(&mut self, groups: &[Arc<CommitGroup>]) -> Result<(), StorageError> {
        match self.backend()? {
            Some(_) => self.accept(groups).map(drop),
            None => self.append(groups),
        }
    }

    /// Takes groups into the pending part, in one transaction with the ordinals taken from their journals.
    pub(crate) fn accept(&mut self, groups: &[Arc<CommitGroup>]) -> Result<Vec<PendingGroup>, StorageError> {
        let (taken, seq) = self.write(|log| {
            let mut seq = log.pending_seq();
            let taken = log.insert_pending(groups.iter().map(|group| &**group), &mut seq)?;
            log.note_all_taken(groups)?;
            Ok((taken, seq))
        })?;
        self.set_pending_seq(seq);
        Ok(taken)
    }

    fn insert_pending<'a>(
        &self,
        groups: impl Iterator<Item = &'a CommitGroup>,
        seq: &mut u64,
    ) -> Result<Vec<PendingGroup>, StorageError> {
        let mut insert = self.db().repeat(&page::insert_into("pending"))?;
        let mut taken = Vec::new();
        for group in groups {
            *seq = page::insert_unnumbered(&mut insert, *seq, group)?;
            taken.push(PendingGroup::of(group, *seq));
        }
        drop(insert);
        self.db().run("INSERT OR REPLACE INTO facts VALUES('pending_seq', ?1)", [*seq as i64])?;
        Ok(taken)
    }

    /// The pending part, in order, without payloads.
    pub(crate) fn pending_groups(&self) -> Result<Vec<PendingGroup>, StorageError> {
        let mut groups: Vec<PendingGroup> = Vec::new();
        let mut open: Option<(EventId, Vec<Kind>)> = None;
        let sql = "SELECT place, id, client_only, rest FROM pending ORDER BY place";
        let rows = self.db().rows(sql, [], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get(1)?, row.get::<_, bool>(2)?, row.get::<_, i64>(3)?))
        })?;
        for (seq, id, client_only, rest) in rows {
            let id = EventId::from_bytes(id);
            let (first, mut kinds) = open.take().unwrap_or((id, Vec::new()));
            kinds.push(Kind { offset: offset(first, id), is_synced: !client_only });
            match rest {
                0 => groups.push(PendingGroup::with_kinds(first, seq, kinds.into())),
                _ => open = Some((first, kinds)),
            }
        }
        Ok(groups)
    }

    /// The groups of the pending part whose events are these.
    pub(crate) fn pending_between(&self, first: u64, last: u64) -> Result<Vec<(Arc<CommitGroup>, u64)>, StorageError> {
        let limit = (last + 1).saturating_sub(first) as usize;
        let rows = page::unnumbered_after(self.db(), "pending", first.saturating_sub(1), limit)?;
        let groups = page::group_rows(rows, usize::MAX);
        Ok(groups.into_iter().map(|(group, at)| (Arc::new(group), at.place)).collect())
    }

    /// The pending part is not what is known of it.
    pub(crate) fn no_such_pending(&self, seq: u64) -> StorageError {
        page::damaged(self.db(), format!("the pending event {seq} is missing"))
    }

    /// The same backend goes on confirming, or the first one does and nothing was there before.
    pub(crate) fn adopt(&self, backend: &Backend) -> Result<(), StorageError> {
        self.write(|log| log.write_backend(backend))
    }

    fn write_backend(&self, backend: &Backend) -> Result<(), StorageError> {
        let keeps = i64::from(backend.keeps_identity);
        self.db().run("INSERT OR REPLACE INTO facts VALUES('backend_id', ?1)", [backend.id.as_str()])?;
        self.db().run("INSERT OR REPLACE INTO facts VALUES('keeps_identity', ?1)", [keeps]).map(drop)
    }

    /// Whole groups of the pending part behind `seq`, at least one where there is one, until so many events are reached.
    pub(crate) fn pending_after(
        &self,
        seq: u64,
        events_max: usize,
    ) -> Result<Vec<(Arc<CommitGroup>, u64)>, StorageError> {
        let rows = page::unnumbered_after(self.db(), "pending", seq, events_max + CommitGroup::EVENTS_MAX)?;
        let groups = page::group_rows(rows, events_max);
        Ok(groups.into_iter().map(|(group, at)| (Arc::new(group), at.place)).collect())
    }

    /// Gives groups their places: confirmed by the backend, or client-only with nothing synced before them. The cursor, the events
    /// and the head move in one transaction.
    pub(crate) fn settle(&mut self, settled: &[Settled]) -> Result<(), StorageError> {
        let new_names = self.new_names(settled.iter().map(|settled| &*settled.group));
        if mutant::is(Mutant::PlaceInAnotherTransaction) {
            self.delete_pending(settled)?;
            crate::crash::crash_point!("eventlog.between-pending-and-place");
        }
        let head = self.write(|log| {
            log.insert_names(&new_names)?;
            let mut head = log.head();
            let mut insert = log.db().repeat(page::INSERT)?;
            for settled in settled {
                head = page::insert(&mut insert, head, &settled.group)?;
            }
            drop(insert);
            log.delete_pending(settled)?;
            Ok(head)
        });
        if head.is_err() && mutant::is(Mutant::HeadMovesFirst) {
            self.move_head_first(settled);
        }
        self.set_head(head?, new_names);
        Ok(())
    }

    /// For a defect: the head as it would be after these.
    fn move_head_first(&mut self, settled: &[Settled]) {
        let events = settled.iter().flat_map(|settled| &settled.group.events);
        let after = |head: LogHead, event: &EncodedEvent| LogHead {
            place: head.place + 1,
            number: head.number.next(event.client_only),
        };
        self.set_head(events.fold(self.head(), after), Default::default());
    }

    fn delete_pending(&self, settled: &[Settled]) -> Result<(), StorageError> {
        for (first, last) in joined(settled.iter().filter_map(|settled| settled.seqs)) {
            let range = params![first as i64, last as i64];
            self.db().run("DELETE FROM pending WHERE place BETWEEN ?1 AND ?2", range)?;
        }
        Ok(())
    }

    /// Takes a group out of the pending part, for good, and keeps it aside.
    pub(crate) fn reject(&mut self, pending: &PendingGroup, reason: &str) -> Result<(), StorageError> {
        self.write(|log| {
            let seqs = params![pending.first_seq() as i64, pending.seq as i64, reason, log.head().place as i64];
            let columns = page::COLUMNS;
            log.db().run(
                &format!(
                    "INSERT INTO rejected SELECT {columns}, ?3, ?4 FROM pending WHERE place BETWEEN ?1 AND ?2 ORDER BY place"
                ),
                seqs,
            )?;
            if mutant::is(Mutant::RejectionForgotten) {
                return Ok(());
            }
            let seqs = params![pending.first_seq() as i64, pending.seq as i64];
            log.db().run("DELETE FROM pending WHERE place BETWEEN ?1 AND ?2", seqs).map(drop)
        })
    }

    /// What was rejected when the log was at `place` or longer.
    pub(crate) fn rejected_since(&self, place: u64) -> Result<Vec<RejectedGroup>, StorageError> {
        let facts = self.db().rows(
            "SELECT place, at, reason FROM rejected WHERE at >= ?1 ORDER BY place",
            [place as i64],
            |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64, row.get::<_, String>(2)?)),
        )?;
        let Some(first) = facts.first().map(|(seq, ..)| *seq) else { return Ok(Vec::new()) };
        let mut facts: HashMap<_, _> = facts.into_iter().map(|(seq, place, reason)| (seq, (place, reason))).collect();
        let rows = page::unnumbered_after(self.db(), "rejected", first.saturating_sub(1), usize::MAX >> 1)?;
        let groups = page::group_rows(rows, usize::MAX);
        let found = groups.into_iter().filter_map(|(group, at)| {
            let (place, reason) = facts.remove(&at.place)?;
            Some(RejectedGroup { group, place, reason })
        });
        Ok(found.collect())
    }

    /// All that was ever rejected, without payloads.
    pub(crate) fn rejected(&self) -> Result<Vec<Rejected>, StorageError> {
        let groups = self.rejected_since(0)?.into_iter();
        let shown = groups.map(|rejected| {
            let name = rejected.group.events.first().map_or_else(String::new, |event| event.name.to_string());
            Rejected::new(rejected.group.id(), rejected.group.events.len(), name, rejected.reason)
        });
        Ok(shown.collect())
    }

    /// The backend that confirms this log, if any.
    pub(crate) fn backend(&self) -> Result<Option<Backend>, StorageError> {
        let id = self.fact::<String>("backend_id")?;
        let keeps_identity = self.fact::<i64>("keeps_identity")? == Some(1);
        Ok(id.map(|id| Backend { id: BackendId::new(id), keeps_identity }))
    }

    /// How often the log began again under another backend: places of one generation say nothing in another.
    pub(crate) fn generation(&self) -> Result<u64, StorageError> {
        Ok(self.fact::<i64>("generation")?.unwrap_or(0) as u64)
    }

    /// From here on this backend confirms. Whatever had a place becomes pending again, before what was pending already; nothing
    /// is lost. `state_file` names the state that is empty, as the log is now.
    pub(crate) fn attach(&mut self, backend: &Backend, state_file: &str) -> Result<(), StorageError> {
        let generation = self.generation()? + 1;
        let twice = backend.nonce_twice(generation);
        let mut seen = HashSet::new();
        let seq = self.write(|log| {
            let was_pending = log.pending_seq();
            let mut seq = was_pending;
            if mutant::is(Mutant::AttachWipes) {
                log.db().batch("DELETE FROM events; DELETE FROM pending;")?;
            }
            log.repend(("events", u64::MAX), backend, twice, &mut seen, &mut seq)?;
            log.repend(("pending", was_pending), backend, twice, &mut seen, &mut seq)?;
            log.write_attached(backend, state_file, generation)?;
            Ok(seq)
        })?;
        self.set_pending_seq(seq);
        self.set_head(LogHead::default(), Default::default());
        Ok(())
    }

    /// From here on this backend confirms, and nothing of what was here goes there. The caller kept a copy.
    pub(crate) fn begin_again(&mut self, backend: &Backend, state_file: &str) -> Result<(), StorageError> {
        let generation = self.generation()? + 1;
        self.write(|log| {
            log.db().batch("DELETE FROM events; DELETE FROM pending;")?;
            log.write_attached(backend, state_file, generation)
        })?;
        self.set_head(LogHead::default(), Default::default());
        Ok(())
    }

    /// Moves whole groups of a table to the end of the pending part, up to a place there.
    fn repend(
        &self,
        (table, until): (&str, u64),
        backend: &Backend,
        twice: JournalNonce,
        seen: &mut HashSet<EventId>,
        seq: &mut u64,
    ) -> Result<(), StorageError> {
        // What this very backend gave their ids for their numbers, it will give these ids to others.
        let from = backend.nonce();
        let mut after = 0;
        loop {
            let rows = page::unnumbered_after(self.db(), table, after, PAGE_EVENTS + CommitGroup::EVENTS_MAX)?;
            let mut groups = page::group_rows(rows, PAGE_EVENTS);
            groups.retain(|(_, at)| at.place <= until);
            let Some((_, last)) = groups.last() else { return Ok(()) };
            after = last.place;
            let mut next_seq = *seq;
            for (group, _) in &mut groups {
                group.was = None; // It is pending under the id that it has.
                if group.nonce == from {
                    group.nonce = backend.nonce_again(group);
                }
                // A backend that broke its word gave one id to two: what is pending has each once.
                if (0..group.events.len()).any(|index| seen.contains(&group.event_id(index))) {
                    (group.nonce, group.ordinal) = (twice, (next_seq + 1) << 10);
                }
                next_seq += group.events.len() as u64;
                seen.extend((0..group.events.len()).map(|index| group.event_id(index)));
            }
            self.insert_pending(groups.iter().map(|(group, _)| group), seq)?;
            self.db().run(&format!("DELETE FROM {table} WHERE place <= ?1"), [after as i64])?;
        }
    }

    fn write_attached(&self, backend: &Backend, state_file: &str, generation: u64) -> Result<(), StorageError> {
        self.write_backend(backend)?;
        self.db().run("INSERT OR REPLACE INTO facts VALUES('generation', ?1)", [generation as i64])?;
        self.db().run("INSERT OR REPLACE INTO facts VALUES('state_file', ?1)", [state_file]).map(drop)
    }

    /// The confirmed synced event of this number.
    pub(crate) fn synced_row(&self, number: u64) -> Result<Option<LogRow>, StorageError> {
        let number = SequenceNumber { global: number, client: 0, rebase_generation: 0 };
        let since =
            SequenceNumber { global: number.global.saturating_sub(1), client: u64::MAX >> 1, rebase_generation: 0 };
        let filter = LogFilter { since: Some(since), until: Some(number), ..LogFilter::default() };
        // A synced event's place is its number or a later one, by the client-only events before it.
        Ok(self.rows_after(since.global, &filter, 1)?.pop())
    }

    /// Whether the log holds this event, under this id or another since. Reads all of it.
    pub(crate) fn has_event(&self, id: EventId) -> Result<bool, StorageError> {
        let sql = "SELECT 1 FROM events WHERE id = ?1 OR was = ?1 LIMIT 1";
        Ok(!self.db().rows(sql, [id.as_bytes()], |_| Ok(()))?.is_empty())
    }

    /// Only the head of the log, as a number.
    pub(crate) fn upstream_head(&self) -> u64 {
        self.head().number.global
    }

    fn fact<T: rusqlite::types::FromSql>(&self, key: &str) -> Result<Option<T>, StorageError> {
        Ok(self.db().rows("SELECT value FROM facts WHERE key = ?1", [key], |row| row.get(0))?.pop())
    }

    /// What the fact was when the log was opened.
    pub(super) fn read_pending_seq(&self) -> Result<u64, StorageError> {
        Ok(self.fact::<i64>("pending_seq")?.unwrap_or(0) as u64)
    }
}
