//! Savepoints inside the tail, so that not all of it is undone where only its end changes.

use super::tail::At;
use crate::error::StorageError;
use crate::mutant::{self, Mutant};
use crate::sqlite::{Db, WriteSet};

/// The statements of each mark, from the bottom up.
const MARKS: [Statements; 2] = [
    Statements {
        set: "SAVEPOINT livestore_mark_1",
        go_back: "ROLLBACK TO livestore_mark_1",
        release: "RELEASE livestore_mark_1",
    },
    Statements {
        set: "SAVEPOINT livestore_mark_2",
        go_back: "ROLLBACK TO livestore_mark_2",
        release: "RELEASE livestore_mark_2",
    },
];

#[derive(Debug)]
struct Statements {
    set: &'static str,
    go_back: &'static str,
    release: &'static str,
}

#[derive(Debug)]
struct Mark {
    at: At,
    /// What was written since, up to the next mark.
    writes: WriteSet,
}

/// The base savepoint and at most two marks above it.
///
/// The lower one stays where it is until everything before it is confirmed; the base moves there, and only what came after
/// it is replayed: a session that commits without a pause never finds its whole tail confirmed. The upper one stands before
/// the first group that the leader had not taken when it was set: what other sessions commit comes between there. It moves on
/// with each chance, and a rebase that finds it too far back sets it anew: a group is replayed because of that once, so that a
/// longer tail does not cost more.
///
/// More of them would save little and cost much. SQLite keeps the former content of each page that is written under a
/// savepoint, and gives the memory back when that is released only if no lower savepoint needed a page in the meantime.
#[derive(Debug)]
pub(super) struct Marks {
    marks: Vec<Mark>,
    /// What was written between the base and the first mark.
    base_writes: WriteSet,
    /// The weight from which on a mark is one to move the base to.
    heavy: usize,
}

impl Marks {
    /// A piece of this weight is replayed sooner than it is kept apart.
    pub(super) const PIECE_MIN: usize = 16;

    pub(super) fn new(heavy: usize) -> Self {
        Self { marks: Vec::with_capacity(MARKS.len()), base_writes: WriteSet::default(), heavy }
    }

    /// Sets the base savepoint in a state that has none.
    pub(super) fn set_base(&mut self, db: &Db) -> Result<(), StorageError> {
        self.marks.clear();
        self.base_writes = WriteSet::default();
        db.run("SAVEPOINT livestore_base", []).map(drop)
    }

    /// Makes everything in state the base.
    pub(super) fn move_base(&mut self, db: &Db) -> Result<(), StorageError> {
        db.run("RELEASE livestore_base", [])?;
        self.set_base(db)
    }

    /// The last piece of the tail wrote this.
    pub(super) fn note(&mut self, writes: &WriteSet) {
        self.marks.last_mut().map_or(&mut self.base_writes, |mark| &mut mark.writes).merge(writes);
    }

    fn push(&mut self, db: &Db, at: At) -> Result<(), StorageError> {
        db.run(MARKS[self.marks.len()].set, [])?;
        self.marks.push(Mark { at, writes: WriteSet::default() });
        Ok(())
    }

    fn pop(&mut self, db: &Db) -> Result<(), StorageError> {
        let Some(top) = self.marks.pop() else { return Ok(()) };
        db.run(MARKS[self.marks.len()].release, [])?;
        self.note(&top.writes);
        Ok(())
    }

    /// With state as it is at the end of the tail: sets the mark to which the base will move, if it is time for one. Where too
    /// much came after the last one, it moves on to twice the weight, so that replays stay a fraction of what is gained however
    /// far the leader lags, and the confirmed part stays within eight times the pending one.
    pub(super) fn mark_for_base(&mut self, db: &Db, end: At, confirmed: At) -> Result<bool, StorageError> {
        let is_due = match self.marks.first() {
            Some(mark) if mark.at.weight >= self.heavy => {
                mark.at.groups <= confirmed.groups && end.weight >= 2 * mark.at.weight
            }
            _ => end.weight >= self.heavy,
        };
        if is_due {
            while !self.marks.is_empty() {
                self.pop(db)?;
            }
            self.push(db, end)?;
        }
        Ok(is_due)
    }

    /// Where the first group follows that the leader has not taken.
    pub(super) fn mark_for_own(&mut self, db: &Db, at: At) -> Result<(), StorageError> {
        let last = self.marks.last().map_or(0, |mark| mark.at.weight);
        if at.weight < last + Self::PIECE_MIN {
            return Ok(());
        }
        let is_to_stay = |mark: &Mark| mark.at.weight >= self.heavy;
        if self.marks.len() == MARKS.len() || self.marks.last().is_some_and(|mark| !is_to_stay(mark)) {
            self.pop(db)?;
        }
        self.push(db, at)
    }

    /// Goes back to the last mark that is not past the group, or to the base; gives back where that is, and what was undone.
    pub(super) fn go_back(&mut self, db: &Db, group: usize) -> Result<(At, WriteSet), StorageError> {
        let mut undone = WriteSet::default();
        let is_past = |at: At| at.groups > group && !mutant::is(Mutant::RebaseUndoesTheEnd);
        while let Some(top) = self.marks.pop_if(|mark| is_past(mark.at)) {
            undone.merge(&top.writes);
        }
        let Some(index) = self.marks.len().checked_sub(1) else {
            if !mutant::is(Mutant::RebaseKeepsState) {
                db.run("ROLLBACK TO livestore_base", [])?;
            }
            undone.merge(&std::mem::take(&mut self.base_writes));
            return Ok((At::default(), undone));
        };
        db.run(MARKS[index].go_back, [])?;
        let mark = &mut self.marks[index];
        undone.merge(&std::mem::take(&mut mark.writes));
        Ok((mark.at, undone))
    }

    /// A mark to which the base may move now, where what is gained outweighs what is replayed for it.
    pub(super) fn to_move_base_to(&self, end: At, confirmed: At) -> Option<usize> {
        let is_worth_it = |at: At| {
            let after = end.weight.saturating_sub(at.weight);
            at.groups <= confirmed.groups && at.weight >= self.heavy && after <= at.weight / 4
        };
        self.marks.iter().rev().map(|mark| mark.at).find(|at| is_worth_it(*at)).map(|at| at.groups)
    }
}
