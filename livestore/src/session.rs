//! A client session: the in-memory state that queries read and commits write at once.
//!
//! The state is a copy of the leader's, plus a *tail* of later groups inside the savepoint `livestore_base`. The tail
//! begins with groups that the leader has confirmed since (they touch nothing), and ends with pending ones. When another
//! session's groups come between, the savepoint is rolled back and the tail replayed after them: exact undo, with nothing
//! inverted.

mod receipt;

pub use receipt::{Outcome, Receipt, WaitError};

use crate::error::{CommitError, StorageError};
use crate::event::{CommitGroup, EncodedEvent, SequenceNumber};
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::journal::Journal;
use crate::leader::{LeaderHandle, News, Port, Published, ReceiptSlot, Submission};
use crate::materialize::{GroupError, Materializers};
use crate::sqlite::{Db, WriteSet};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The most events that may be pending in one session.
const PENDING_MAX: usize = 1_000_000;
/// A tail of this weight gets a mark.
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
    /// In the tail and confirmed since: replayed first when the tail is.
    confirmed: Vec<Arc<CommitGroup>>,
    confirmed_weight: usize,
    pending: VecDeque<Arc<CommitGroup>>,
    pending_weight: usize,
    pending_events: usize,
    mark: Option<Mark>,
    mark_weight: usize,
    /// What the tail wrote: undone by a rebase, so part of its write set.
    tail_writes: WriteSet,
    /// The leader was asked to sync up to this ordinal of the journal.
    hurried_for: u64,
    /// The head of the leader's log, as far as this session knows.
    upstream_head: SequenceNumber,
    /// The state no longer stands on its base; nothing is served any more.
    broken: Option<Arc<str>>,
}

/// A savepoint inside the tail. Once everything before it is confirmed, the base moves there, and only what came after it is
/// replayed: a session that commits without a pause never finds its whole tail confirmed. Where too much came after it, the
/// mark moves on to twice the weight, so that replays stay a fraction of what is gained however far the leader lags, and
/// the confirmed part stays within eight times the pending one.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// How many groups of the tail stand before it, and what they weigh.
    groups: usize,
    weight: usize,
}

/// What a group costs to keep and to replay: an event counts one, and so does a quarter of a kilobyte.
fn weight(group: &CommitGroup) -> usize {
    group.events.iter().map(|event| 1 + event.bytes() / 256).sum()
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
        let (mut db, position) = leader.attach(nonce, Arc::clone(&port))?;
        db.set_session(session_id.clone());
        // From here on its drop leaves the leader.
        let session = Self {
            db,
            materializers,
            commit_log,
            nonce,
            leader,
            port,
            client_id,
            session_id,
            confirmed: Vec::new(),
            confirmed_weight: 0,
            pending: VecDeque::new(),
            pending_weight: 0,
            pending_events: 0,
            mark: None,
            mark_weight: crate::crash::tunable("MARK_WEIGHT", MARK_WEIGHT as u64) as usize,
            tail_writes: WriteSet::default(),
            hurried_for: 0,
            upstream_head: position.number,
            broken: None,
        };
        session.db.configure(crate::sqlite::Durability::Process)?;
        session.db.batch("SAVEPOINT livestore_base")?;
        Ok(session)
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
        self.upstream_head
    }

    pub(crate) fn pending_events(&self) -> usize {
        self.pending_events
    }

    /// The number that the last pending event will have if nothing comes between.
    pub(crate) fn local_head(&self) -> SequenceNumber {
        let events = self.pending.iter().flat_map(|group| &group.events);
        events.fold(self.upstream_head, |head, event| head.next(event.client_only))
    }

    /// Applies the events as one group: all of them are in state and in the journal, or nothing changed.
    pub(crate) fn commit(&mut self, events: Vec<EncodedEvent>) -> Result<Committed, CommitError> {
        self.check_bounds(&events)?;
        self.move_base_if_confirmed()?;
        self.set_mark()?;
        let (ordinal, client_id, session_id) = (self.next_ordinal(), self.client_id.clone(), self.session_id.clone());
        let group = CommitGroup { nonce: self.nonce, ordinal, client_id, session_id, events };
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
        let pending = self.pending_events + events.len();
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
        if !is_standing {
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

    fn replay_tail(&self) -> Result<(), StorageError> {
        let replayed_from = match self.mark {
            Some(mark) => self.db.run("ROLLBACK TO livestore_mark", []).map(|_| mark.groups),
            None => self.db.run("ROLLBACK TO livestore_base", []).map(|_| 0),
        }?;
        self.confirmed.iter().chain(&self.pending).skip(replayed_from).try_for_each(|group| self.replay(group))
    }

    fn accept(&mut self, group: Arc<CommitGroup>) -> Committed {
        let writes = self.db.take_writes();
        self.tail_writes.merge(&writes);
        let slot = Arc::new(ReceiptSlot::default());
        let first = group.event_id(0);
        self.pending_events += group.events.len();
        self.pending_weight += weight(&group);
        self.pending.push_back(Arc::clone(&group));
        self.leader.submit(Submission { group, slot: Arc::clone(&slot) });
        Committed { writes, slot, first }
    }

    /// The tail costs nothing to keep while it is short, and nothing to fold in when all of it is confirmed.
    fn move_base_if_confirmed(&mut self) -> Result<(), StorageError> {
        if self.pending.is_empty() && !self.confirmed.is_empty() {
            self.move_base()?;
        }
        Ok(())
    }

    /// Makes everything in state the base; what follows is a new tail.
    fn move_base(&mut self) -> Result<(), StorageError> {
        self.db.run("RELEASE livestore_base", [])?;
        self.db.run("SAVEPOINT livestore_base", [])?;
        self.confirmed.clear();
        self.confirmed_weight = 0;
        self.mark = None;
        self.tail_writes = WriteSet::default();
        Ok(())
    }

    fn set_mark(&mut self) -> Result<(), StorageError> {
        let weight = self.confirmed_weight + self.pending_weight;
        match self.mark {
            None if weight < self.mark_weight => return Ok(()),
            None => {}
            Some(mark) if mark.groups > self.confirmed.len() || weight < 2 * mark.weight => return Ok(()),
            Some(_) => self.db.run("RELEASE livestore_mark", []).map(drop)?,
        }
        self.db.run("SAVEPOINT livestore_mark", [])?;
        self.mark = Some(Mark { groups: self.confirmed.len() + self.pending.len(), weight });
        Ok(())
    }

    /// Goes back to a state in which only confirmed groups are; the caller moves the base there.
    fn undo_pending(&mut self) -> Result<(), StorageError> {
        let replayed_from = match self.mark.take() {
            Some(mark) if mark.groups <= self.confirmed.len() => {
                self.db.run("ROLLBACK TO livestore_mark", []).map(|_| mark.groups)
            }
            _ => self.db.run("ROLLBACK TO livestore_base", []).map(|_| 0),
        }?;
        self.confirmed[replayed_from..].iter().try_for_each(|group| self.replay(group))
    }

    /// Takes what the leader published since the last call; the write set is what may now look different.
    pub(crate) fn pull(&mut self) -> WriteSet {
        let mut published: VecDeque<Published> =
            self.port.drain().into_iter().filter_map(News::into_published).collect();
        while published.front().is_some_and(|next| self.is_next_pending(&next.group)) {
            if let Some(next) = published.pop_front() {
                self.confirm(&next);
            }
        }
        let writes = if published.is_empty() { Ok(WriteSet::default()) } else { self.rebase(&published) };
        let writes = writes.and_then(|writes| self.fold_long_tail().map(|()| writes));
        self.cut_journal();
        writes.unwrap_or_else(|error| {
            self.stop(&format!("events of another session could not be applied: {error}"));
            WriteSet::default()
        })
    }

    fn is_next_pending(&self, group: &CommitGroup) -> bool {
        self.pending.front().is_some_and(|own| own.nonce == group.nonce && own.ordinal == group.ordinal)
    }

    fn confirm(&mut self, next: &Published) {
        if let Some(own) = self.pending.pop_front() {
            let weight = weight(&own);
            self.pending_events -= own.events.len();
            self.pending_weight -= weight;
            self.confirmed_weight += weight;
            self.confirmed.push(own);
        }
        self.upstream_head = next.number;
    }

    /// Puts the published groups before what is pending: back to the base, then everything again in its new order.
    fn rebase(&mut self, published: &VecDeque<Published>) -> Result<WriteSet, StorageError> {
        let mut writes = std::mem::take(&mut self.tail_writes);
        self.db.take_writes();
        if self.pending.is_empty() {
            // Nothing to undo: the tail is confirmed and stays where it is.
            writes = WriteSet::default();
        } else {
            self.undo_pending()?;
        }
        for next in published {
            // Its own groups come back too, after groups of others: they leave pending here.
            if self.is_next_pending(&next.group) {
                self.confirm(next);
            }
            self.replay(&next.group)?;
            self.upstream_head = next.number;
        }
        self.move_base()?;
        for group in self.pending.clone() {
            self.replay(&group)?;
        }
        let replayed = self.db.take_writes();
        // The pending part is the new tail; its writes cannot be told apart from the others', so all count.
        if !self.pending.is_empty() {
            self.tail_writes = replayed.clone();
        }
        writes.merge(&replayed);
        Ok(writes)
    }

    /// A group that fails is left out as a whole: the leader decides the same at the group's final place.
    fn replay(&self, group: &CommitGroup) -> Result<(), StorageError> {
        match self.materializers.apply(&self.db, group) {
            Ok(()) | Err(GroupError::Event(_)) => Ok(()),
            Err(GroupError::Storage(error) | GroupError::NotUndone(error)) => Err(error),
        }
    }

    /// Moves the base where what is gained outweighs what is replayed for it.
    fn fold_long_tail(&mut self) -> Result<(), StorageError> {
        let tail = self.confirmed_weight + self.pending_weight;
        let is_worth_it = |mark: Mark| mark.groups <= self.confirmed.len() && tail - mark.weight <= mark.weight / 4;
        if !self.mark.is_some_and(is_worth_it) {
            return Ok(());
        }
        if !self.pending.is_empty() {
            self.undo_pending()?;
        }
        self.move_base()?;
        for group in self.pending.clone() {
            self.replay(&group)?;
        }
        self.tail_writes = self.db.take_writes();
        Ok(())
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
        let taken = self.pending.front().map_or(journal.next_ordinal(), |group| group.ordinal) - 1;
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
