//! How a session takes what its leader tells it.

use super::Session;
use super::tail::At;
use crate::error::{StorageError, StorageKind};
use crate::leader::{News, Published, Restart};
use crate::mutant::{self, Mutant};
use crate::schema::tables;
use crate::sqlite::WriteSet;
use std::collections::VecDeque;

impl Session {
    /// Takes what the leader told since the last call; the write set is what may now look different.
    pub(crate) fn pull(&mut self) -> WriteSet {
        let news = self.port.drain();
        self.take(news)
    }

    /// All news at hand make one rebase.
    pub(super) fn take(&mut self, news: VecDeque<News>) -> WriteSet {
        let writes = self.take_all(news).and_then(|writes| self.fold_long_tail().map(|()| writes));
        self.cut_journal();
        writes.unwrap_or_else(|error| {
            self.stop(&format!("what the leader told could not be applied: {error}"));
            WriteSet::default()
        })
    }

    fn take_all(&mut self, news: VecDeque<News>) -> Result<WriteSet, StorageError> {
        let mut writes = WriteSet::default();
        let applied = self.tail.end();
        for next in news {
            match next {
                News::Accepted(accepted) if accepted.seq <= self.accepted => {}
                News::Accepted(accepted) => {
                    self.accepted = accepted.seq;
                    self.tail.accept(&accepted.group);
                }
                News::Confirmed(published) => self.confirm(published)?,
                News::Dropped(dropped) => self.tail.drop_group(dropped.id),
                News::Restart(restart) => {
                    self.restart(*restart)?;
                    writes = self.every_table();
                }
            }
        }
        let is_rebase = self.tail.in_state() < applied.groups;
        if is_rebase || self.tail.end().groups > applied.groups {
            self.rebases += u64::from(is_rebase);
            let redone = self.redo(applied, self.tail.in_state())?;
            writes.merge(&redone);
        }
        if !self.tail.has_pending() {
            self.rebases = 0;
        }
        Ok(writes)
    }

    /// The log has no gaps: news that are missing would show in no other way.
    fn confirm(&mut self, published: Published) -> Result<(), StorageError> {
        if published.place <= self.upstream.place {
            return Ok(());
        }
        let events = published.group.events.len() as u64;
        if published.place != self.upstream.place + events {
            let message = format!(
                "{events} events up to {} follow event {}: what is between was not told",
                published.place, self.upstream.place
            );
            return Err(StorageError { kind: StorageKind::Damaged, path: None, message });
        }
        self.upstream.place = published.place;
        self.upstream.number = published.number;
        self.tail.confirm(published.group, published.replaces);
        Ok(())
    }

    /// Begins again with another copy of the leader's state. What the leader has not taken stays pending, and is replayed.
    fn restart(&mut self, restart: Restart) -> Result<(), StorageError> {
        self.db = restart.state;
        self.upstream = restart.position;
        self.accepted = 0;
        self.tail.restart(restart.taken);
        self.begin_on_base()
    }

    fn every_table(&self) -> WriteSet {
        let mut writes = WriteSet::default();
        tables(self.materializers.schema).for_each(|table| writes.add_rows(table.name));
        writes
    }

    /// State was made of `applied`, and the tail has another order from this group on: back to a mark before it, and the rest
    /// again in its new order. On the way the base moves to the end of what is confirmed, if that is where state comes by.
    fn redo(&mut self, applied: At, from: usize) -> Result<WriteSet, StorageError> {
        let from = from + usize::from(mutant::is(Mutant::RedoesTooLate));
        let (mut at, mut writes) = (applied, WriteSet::default());
        if from < applied.groups {
            (at, writes) = self.marks.go_back(&self.db, from)?;
            if mutant::is(Mutant::QueriesMissWhatWasUndone) {
                writes = WriteSet::default();
            }
        }
        self.db.take_writes();
        let confirmed = self.tail.confirmed();
        if at.groups <= confirmed.groups {
            self.replay_until(&mut at, confirmed.groups)?;
            writes.merge(&self.db.take_writes());
            if confirmed.groups > 0 {
                self.move_base()?;
            }
            at = At::default();
        }
        let own = self.tail.own_start();
        if at.groups <= own && self.tail.has_own() {
            self.replay_piece(&mut at, own, &mut writes)?;
            self.marks.mark_for_own(&self.db, at)?;
        }
        self.replay_piece(&mut at, self.tail.end().groups, &mut writes)?;
        self.tail.set_all_in_state();
        if !self.tail.has_own() {
            // A session that only follows has a base to move, too.
            self.marks.mark_for_base(&self.db, at, self.tail.confirmed())?;
        }
        Ok(writes)
    }

    /// Replays a piece of the tail, whose writes are undone with the last mark.
    fn replay_piece(&mut self, at: &mut At, end: usize, writes: &mut WriteSet) -> Result<(), StorageError> {
        self.replay_until(at, end)?;
        let piece = self.db.take_writes();
        self.marks.note(&piece);
        writes.merge(&piece);
        Ok(())
    }

    fn replay_until(&self, at: &mut At, end: usize) -> Result<(), StorageError> {
        while at.groups < end {
            self.replay(at.groups)?;
            at.weight += self.tail.weight(at.groups);
            at.groups += 1;
        }
        Ok(())
    }

    /// Moves the base where what is gained outweighs what is replayed for it.
    fn fold_long_tail(&mut self) -> Result<(), StorageError> {
        let (end, confirmed) = (self.tail.end(), self.tail.confirmed());
        let Some(mark) = self.marks.to_move_base_to(end, confirmed) else { return Ok(()) };
        // What is read is the same after it.
        let from = if self.tail.has_pending() { mark } else { end.groups };
        self.redo(end, from).map(drop)
    }
}
