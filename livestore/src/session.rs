//! A client session: the in-memory state that queries read and commits write at once.
//!
//! The state is a copy of the leader's confirmed one, plus a [tail](tail::Tail) of later groups inside the savepoint
//! `livestore_base`: those that were confirmed since (they touch nothing), those that the leader took and the backend has not
//! confirmed, and those that are on their way to the leader. When another group comes between, state goes back to a savepoint
//! before that place and the rest is replayed after it: exact undo, with nothing inverted.

mod marks;
mod news;
mod packed;
mod receipt;
mod tail;
#[cfg(test)]
mod tests;

pub(crate) use receipt::ReceiptHost;
pub use receipt::{Outcome, Receipt, WaitError};

use crate::error::{CommitError, StorageError};
use crate::event::{CommitGroup, EncodedEvent, SequenceNumber};
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::journal::Journal;
use crate::leader::{LeaderHandle, Port, ReceiptSlot, StatePosition, Submission};
use crate::materialize::{GroupError, Materializers};
use crate::mutant::{self, Mutant};
use crate::sqlite::{Db, Durability, WriteSet};
use marks::Marks;
use std::sync::Arc;
use std::time::Duration;
use tail::Tail;

/// The most events that may be pending, of this session and of others.
const PENDING_MAX: usize = 1_000_000;
/// A tail of this weight gets a mark to which the base moves.
const MARK_WEIGHT: usize = 4_000;

/// Where a session's commits are kept until the leader has them.
#[derive(Debug)]
pub(crate) enum CommitLog {
    /// Survives `kill -9`.
    Journal(Box<Journal>),
    /// The memory adapter: ids only.
    Memory { nonce: JournalNonce, next_ordinal: u64 },
}

/// The state machine of one session; the store holds it behind its lock.
#[derive(Debug)]
pub(crate) struct Session {
    db: Db,
    materializers: Materializers,
    commit_log: CommitLog,
    nonce: JournalNonce,
    leader: Arc<LeaderHandle>,
    port: Arc<Port>,
    client_id: ClientId,
    session_id: SessionId,
    tail: Tail,
    marks: Marks,
    /// The leader was asked to sync up to this ordinal of the journal.
    hurried_for: u64,
    /// The head of the leader's log, as far as this session knows.
    upstream: StatePosition,
    /// The last group that the leader took into its pending part, as far as this session knows.
    accepted: u64,
    /// How often what is pending was replayed behind something that came before it.
    rebases: u64,
    /// How many groups were replayed, ever.
    #[cfg(test)]
    replayed: std::cell::Cell<u64>,
    /// The state no longer stands on its base; nothing is served any more.
    broken: Option<Arc<str>>,
}

/// A commit that is in state, and safe.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) writes: WriteSet,
    pub(crate) slot: Arc<ReceiptSlot>,
    pub(crate) first: EventId,
}

impl Session {
    pub(crate) fn open(
        leader: Arc<LeaderHandle>,
        materializers: Materializers,
        commit_log: CommitLog,
        client_id: ClientId,
        session_id: SessionId,
    ) -> Result<Self, StorageError> {
        let nonce = match &commit_log {
            CommitLog::Journal(journal) => journal.nonce(),
            CommitLog::Memory { nonce, .. } => *nonce,
        };
        let port = Arc::new(Port::default());
        let (db, position) = leader.attach(nonce, Arc::clone(&port))?;
        // From here on its drop leaves the leader.
        let mut session = Self {
            db,
            materializers,
            commit_log,
            nonce,
            leader,
            port,
            client_id,
            session_id,
            tail: Tail::default(),
            marks: Marks::new(crate::crash::tunable("MARK_WEIGHT", MARK_WEIGHT as u64) as usize),
            hurried_for: 0,
            upstream: position,
            accepted: 0,
            rebases: 0,
            #[cfg(test)]
            replayed: std::cell::Cell::new(0),
            broken: None,
        };
        session.begin_on_base()?;
        Ok(session)
    }

    /// The state has just been copied from the leader's: all of it is base.
    fn begin_on_base(&mut self) -> Result<(), StorageError> {
        self.db.set_session(self.session_id.clone());
        self.db.configure(Durability::Process)?;
        self.marks.set_base(&self.db)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn port(&self) -> &Arc<Port> {
        &self.port
    }

    pub(crate) fn broken(&self) -> Option<&Arc<str>> {
        self.broken.as_ref()
    }

    pub(crate) fn upstream_head(&self) -> SequenceNumber {
        self.upstream.number
    }

    /// How many events of this session the leader has not taken.
    pub(crate) fn pending_events(&self) -> usize {
        self.tail.own_events()
    }

    /// How many events of this session do not survive a power loss yet.
    pub(crate) fn unsynced_events(&self) -> usize {
        let synced = self.leader.synced_ordinal(self.nonce).unwrap_or(EventId::ORDINAL_MIN - 1);
        (self.next_ordinal() - 1).saturating_sub(synced) as usize
    }

    /// How many events, of this session and of others, the leader has taken and the backend has not confirmed.
    pub(crate) fn accepted_events(&self) -> usize {
        self.tail.accepted_events()
    }

    /// The number that the last pending event will have if nothing comes between. Its rebase generation tells how often what
    /// is pending was rebased.
    pub(crate) fn local_head(&self) -> SequenceNumber {
        SequenceNumber { rebase_generation: self.rebases, ..self.tail.number_after(self.upstream.number) }
    }

    /// Applies the events as one group: all of them are in state and in the journal, or nothing changed.
    pub(crate) fn commit(&mut self, events: Vec<EncodedEvent>) -> Result<Committed, CommitError> {
        self.check_bounds(&events)?;
        self.set_marks()?;
        let (ordinal, client_id, session_id) = (self.next_ordinal(), self.client_id.clone(), self.session_id.clone());
        let group = CommitGroup::new((self.nonce, ordinal), client_id, session_id, events);
        self.db.take_writes();
        if let Err(error) = self.materializers.begin(&self.db, &group) {
            return Err(self.refused(error));
        }
        if let Err(error) = self.keep(&group.events) {
            self.undo_commit();
            return Err(error);
        }
        if let Err(error) = self.db.keep_group() {
            // The group is safe and must be taken as committed, whatever became of this state.
            self.stop(&format!("a commit could not be ended in the session's state: {error}"));
        }
        Ok(self.accept(Arc::new(group)))
    }

    fn check_bounds(&self, events: &[EncodedEvent]) -> Result<(), CommitError> {
        let bytes = events.iter().map(EncodedEvent::bytes).sum();
        if events.len() > CommitGroup::EVENTS_MAX || bytes > CommitGroup::BYTES_MAX {
            return Err(CommitError::GroupTooLarge {
                events: events.len(),
                bytes,
                events_max: CommitGroup::EVENTS_MAX,
                bytes_max: CommitGroup::BYTES_MAX,
            });
        }
        let pending = self.tail.own_events() + self.tail.accepted_events() + events.len();
        if pending > PENDING_MAX {
            return Err(CommitError::PendingFull { pending, pending_max: PENDING_MAX });
        }
        let (waiting, waiting_max) = self.leader.backlog();
        if waiting + bytes > waiting_max {
            return Err(CommitError::Backlogged { bytes: (waiting + bytes) as u64, bytes_max: waiting_max as u64 });
        }
        match &self.commit_log {
            CommitLog::Journal(journal) => journal.check_room(events),
            CommitLog::Memory { .. } => Ok(()),
        }
    }

    fn next_ordinal(&self) -> u64 {
        match &self.commit_log {
            CommitLog::Journal(journal) => journal.next_ordinal(),
            CommitLog::Memory { next_ordinal, .. } => *next_ordinal,
        }
    }

    /// The moment from which the commit survives the process.
    fn keep(&mut self, events: &[EncodedEvent]) -> Result<(), CommitError> {
        match &mut self.commit_log {
            CommitLog::Journal(journal) => journal.append(events).map(drop),
            CommitLog::Memory { next_ordinal, .. } => {
                *next_ordinal += events.len() as u64;
                Ok(())
            }
        }
    }

    /// A group was not applied: nothing changed, unless the ground was lost on which every undo stands.
    fn refused(&mut self, error: GroupError) -> CommitError {
        self.db.take_writes();
        let is_standing = self.db.is_in_transaction() && !matches!(error, GroupError::NotUndone(_));
        let error = CommitError::from(error);
        if !is_standing || mutant::is(Mutant::RefusalCloses) {
            self.stop(&format!("the session's base is gone after a failed commit ({error})"));
        }
        error
    }

    /// Takes back a group that was applied and could not be kept. Where no savepoint of its own does that, the tail is
    /// replayed without it.
    fn undo_commit(&mut self) {
        let undone = match self.db.undo_group() {
            Ok(false) => self.replay_tail(),
            undone => undone.map(drop),
        };
        self.db.take_writes();
        if let Err(error) = undone {
            self.stop(&format!("a commit that could not be kept is still in state: {error}"));
        }
    }

    /// Back to the last mark, and again what is known after it.
    fn replay_tail(&mut self) -> Result<(), StorageError> {
        let end = self.tail.end().groups;
        let (from, undone) = self.marks.go_back(&self.db, end)?;
        self.marks.note(&undone);
        (from.groups..end).try_for_each(|index| self.replay(index))
    }

    fn accept(&mut self, group: Arc<CommitGroup>) -> Committed {
        let writes = self.db.take_writes();
        self.marks.note(&writes);
        let slot = Arc::new(ReceiptSlot::default());
        let first = group.event_id(0);
        self.tail.push_own(Arc::clone(&group));
        self.leader.submit(Submission { group, slot: Arc::clone(&slot), is_foreign: false });
        Committed { writes, slot, first }
    }

    /// Before a commit. The tail costs nothing to keep while it is short, and nothing to fold in when all of it is confirmed.
    fn set_marks(&mut self) -> Result<(), StorageError> {
        let (end, confirmed) = (self.tail.end(), self.tail.confirmed());
        if !self.tail.has_pending() || mutant::is(Mutant::BaseTakesPending) {
            return if confirmed.groups == 0 { Ok(()) } else { self.move_base() };
        }
        let is_marked = self.marks.mark_for_base(&self.db, end, confirmed)?;
        if !is_marked && !self.tail.has_own() {
            self.marks.mark_for_own(&self.db, end)?;
        }
        Ok(())
    }

    /// Makes everything in state the base, which then is all that is confirmed; what follows is the new tail.
    fn move_base(&mut self) -> Result<(), StorageError> {
        self.marks.move_base(&self.db)?;
        self.tail.cut_confirmed();
        Ok(())
    }

    /// Applies a group of the tail. One that fails is left out as a whole: the leader decides the same at the group's final
    /// place.
    fn replay(&self, index: usize) -> Result<(), StorageError> {
        let Some(group) = self.tail.group(index) else { return Ok(()) };
        #[cfg(test)]
        self.replayed.set(self.replayed.get() + 1);
        match self.materializers.apply(&self.db, &group) {
            Ok(()) | Err(GroupError::Event(_)) => Ok(()),
            Err(GroupError::Storage(error) | GroupError::NotUndone(error)) => Err(error),
        }
    }

    /// A journal is cut only after the log that took its records is synced.
    fn cut_journal(&mut self) {
        let CommitLog::Journal(journal) = &mut self.commit_log else { return };
        if !journal.wants_cut() {
            return;
        }
        if let Some(synced) = self.leader.synced_ordinal(self.nonce) {
            journal.cut(synced);
        }
        // The leader syncs when it is quiet. A session that never rests asks for it, once for each full segment.
        let taken = self.tail.first_own().unwrap_or(journal.next_ordinal()) - 1;
        let waiting = journal.full_until(taken);
        if waiting > self.hurried_for {
            self.hurried_for = waiting;
            self.leader.hurry();
        }
    }

    /// Leaves the leader, after it synced or the time is over. A journal that the leader has taken whole is not needed again.
    pub(crate) fn close(mut self, wait_max: Duration) {
        let synced = self.leader.sync(wait_max).is_ok().then(|| self.leader.synced_ordinal(self.nonce)).flatten();
        let commit_log =
            std::mem::replace(&mut self.commit_log, CommitLog::Memory { nonce: self.nonce, next_ordinal: 0 });
        if let CommitLog::Journal(journal) = commit_log
            && (journal.next_ordinal() == EventId::ORDINAL_MIN
                || synced.is_some_and(|last| last + 1 == journal.next_ordinal()))
        {
            journal.remove();
        }
    }

    fn stop(&mut self, reason: &str) {
        tracing::error!(reason, "the session stops");
        self.broken.get_or_insert_with(|| reason.into());
        self.port.close(reason);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leader.detach(self.nonce);
        self.port.close("the store was closed");
    }
}
