//! The journal of an open handle: an append-only file that makes a commit safe the moment it returns.
//!
//! A session appends one record for each commit group; the leader takes the groups into the eventlog and notes how far it
//! came, in the same transaction. The file is locked as long as its session lives, so a file whose lock is free belongs to
//! a session that ended, and whoever leads next takes the rest of it.
//!
//! On disk: a header (see [`header`]), then records (see [`record`]). All integers are little-endian. A journal may go on
//! in further segments, files of the same form with a higher number in their name.

mod header;
mod record;
mod recovery;
mod segment;

pub(crate) use recovery::{DeadJournal, kept_aside, nonces, remove_unborn, scan};

use crate::crash::{crash_point, tunable};
use crate::error::{CommitError, StorageError};
use crate::event::EncodedEvent;
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::mutant::{self, Mutant};
use segment::Segment;
use std::path::{Path, PathBuf};

/// The most bytes of records that wait to be taken and synced, over all segments.
pub(crate) const BYTES_MAX: u64 = 64 << 20;
/// A segment that has grown to this is followed by a new one, so that the old can go once it was taken.
const SEGMENT_BYTES: u64 = 8 << 20;
/// A segment that was taken whole is emptied once it is larger than this.
const KEEP_BYTES: u64 = 1 << 20;

/// The journal of a living session.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    identity: Identity,
    next_ordinal: u64,
    current: Segment,
    /// Full segments that are not synced into the log yet, oldest first.
    retired: Vec<Segment>,
    /// Segments that are not needed and could not be removed. Their locks are held: a file without one belongs to a session that ended.
    left: Vec<Segment>,
    bytes_max: u64,
    segment_bytes: u64,
    record: Vec<u8>,
}

/// Whose journal it is; the same in the header of every segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) nonce: JournalNonce,
    pub(crate) client_id: ClientId,
    pub(crate) session_id: SessionId,
}

impl Journal {
    /// Creates the first segment and locks it.
    pub(crate) fn create(folder: &Path, identity: Identity) -> Result<Self, StorageError> {
        Self::create_with(folder, identity, BYTES_MAX, tunable("SEGMENT_BYTES", SEGMENT_BYTES))
    }

    fn create_with(
        folder: &Path,
        identity: Identity,
        bytes_max: u64,
        segment_bytes: u64,
    ) -> Result<Self, StorageError> {
        let next_ordinal = EventId::ORDINAL_MIN;
        let current = Segment::create(folder, &identity, 0, next_ordinal)?;
        Ok(Self {
            folder: folder.to_owned(),
            identity,
            next_ordinal,
            current,
            retired: Vec::new(),
            left: Vec::new(),
            bytes_max,
            segment_bytes,
            record: Vec::new(),
        })
    }

    pub(crate) fn nonce(&self) -> JournalNonce {
        self.identity.nonce
    }

    /// The ordinal that the next event gets.
    pub(crate) fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// Whether the group fits: told before the work of applying it is done.
    pub(crate) fn check_room(&self, events: &[EncodedEvent]) -> Result<(), CommitError> {
        let last = self.next_ordinal + events.len() as u64;
        if last > EventId::ORDINAL_MAX {
            return Err(CommitError::Closed {
                reason: "the session has named 2^40 events; open the store again".into(),
            });
        }
        let bytes = self.bytes() + record::len(events) as u64;
        if bytes > self.bytes_max {
            return Err(CommitError::Backlogged { bytes, bytes_max: self.bytes_max });
        }
        Ok(())
    }

    /// Appends one group. When it returns, the group survives the end of the process; after an error nothing of it is
    /// there.
    pub(crate) fn append(&mut self, events: &[EncodedEvent]) -> Result<(), CommitError> {
        self.check_room(events)?;
        let last = self.next_ordinal + events.len() as u64;
        self.record.clear();
        record::encode(&mut self.record, self.next_ordinal, events);
        if self.current.record_bytes() >= self.segment_bytes {
            self.rotate()?;
        }
        crash_point!("journal.before-append");
        if !mutant::is(Mutant::CommitNotKept) {
            self.current.append(&self.record, last - 1)?;
        }
        crash_point!("journal.after-append");
        self.next_ordinal = last;
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), StorageError> {
        crash_point!("journal.before-rotate");
        let number = self.current.number() + 1;
        let next = Segment::create(&self.folder, &self.identity, number, self.next_ordinal)?;
        self.retired.push(std::mem::replace(&mut self.current, next));
        crash_point!("journal.after-rotate");
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.current.record_bytes() + self.retired.iter().map(Segment::record_bytes).sum::<u64>()
    }

    /// Whether a [`cut`](Self::cut) would free a worthwhile amount.
    pub(crate) fn wants_cut(&self) -> bool {
        !self.retired.is_empty() || !self.left.is_empty() || self.current.record_bytes() > KEEP_BYTES
    }

    /// The last ordinal of the full segments that end at `taken` or before: a sync is what they wait for. 0 where there is
    /// none.
    pub(crate) fn full_until(&self, taken: u64) -> u64 {
        self.retired.iter().map(Segment::last_ordinal).take_while(|last| *last <= taken).last().unwrap_or(0)
    }

    /// Frees what the log has taken and synced, up to this ordinal.
    pub(crate) fn cut(&mut self, synced_ordinal: u64) {
        while self.retired.first().is_some_and(|oldest| oldest.last_ordinal() <= synced_ordinal) {
            crash_point!("journal.before-cut");
            self.left.push(self.retired.remove(0));
        }
        self.left.retain(|segment| !segment.remove());
        if self.retired.is_empty()
            && self.current.record_bytes() > KEEP_BYTES
            && self.next_ordinal == synced_ordinal + 1
        {
            self.current.clear();
        }
    }

    /// Removes all files: everything in them was taken and synced.
    pub(crate) fn remove(self) {
        crash_point!("journal.before-remove");
        // A file that stays behind is found, and known to be taken, at the next start.
        let segments = self.left.iter().chain(&self.retired).chain([&self.current]);
        for segment in segments {
            segment.remove();
        }
    }
}

#[cfg(test)]
mod tests;
