use super::page::{self, LogFilter, LogRow};
use crate::error::{OpenError, StorageError, StorageKind};
use crate::event::{CommitGroup, SequenceNumber};
use crate::ids::JournalNonce;
use crate::mutant::{self, Mutant};
use crate::sqlite::{Db, Durability, Place, StateRules};
use rusqlite::params;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// The version of the tables below; a newer one is refused, an older one is migrated.
pub(crate) const FORMAT: i64 = 2;
/// `LvSt`, in the file's header: tells our file from any other SQLite database.
const APPLICATION_ID: i64 = 0x4c76_5374;

/// `place` counts all events from 1, without gaps. An event's number follows from it and the client-only events before.
/// `rest` counts the events of its commit group that still follow, so that groups stay whole. `sum` is a checksum over
/// the rest of the row: what a disk changed in it is told, never applied.
const TABLES: &str = "
    CREATE TABLE events(
        place INTEGER PRIMARY KEY NOT NULL,
        global INTEGER NOT NULL,
        client INTEGER NOT NULL,
        id BLOB NOT NULL,
        name TEXT NOT NULL,
        args TEXT,
        client_only INTEGER NOT NULL,
        client_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        rest INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        was BLOB
    ) STRICT;
    CREATE TABLE names(name TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE journals(nonce BLOB PRIMARY KEY NOT NULL, ordinal INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE facts(key TEXT PRIMARY KEY NOT NULL, value ANY NOT NULL) STRICT, WITHOUT ROWID;";

/// What came with format 2: the pending part, whose `place` counts all events that ever were pending and whose numbers are 0, and
/// what left it rejected.
const PENDING_TABLES: &str = "
    CREATE TABLE pending(
        place INTEGER PRIMARY KEY NOT NULL, global INTEGER NOT NULL, client INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL,
        args TEXT, client_only INTEGER NOT NULL, client_id TEXT NOT NULL, session_id TEXT NOT NULL, rest INTEGER NOT NULL,
        sum INTEGER NOT NULL, was BLOB
    ) STRICT;
    CREATE TABLE rejected(
        place INTEGER PRIMARY KEY NOT NULL, global INTEGER NOT NULL, client INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL,
        args TEXT, client_only INTEGER NOT NULL, client_id TEXT NOT NULL, session_id TEXT NOT NULL, rest INTEGER NOT NULL,
        sum INTEGER NOT NULL, was BLOB, reason TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT;";

/// The open log. Used by the leader alone.
#[derive(Debug)]
pub(crate) struct Eventlog {
    db: Db,
    head: LogHead,
    /// The wire names of all events in the log.
    names: BTreeSet<Box<str>>,
    /// The fencing token: counts who leads, one after the other. Every write transaction compares it.
    epoch: i64,
    /// How many events ever were pending.
    pending_seq: u64,
}

/// The end of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogHead {
    /// How many events there are.
    pub(crate) place: u64,
    /// The number of the last one.
    pub(crate) number: SequenceNumber,
}

impl Eventlog {
    /// Opens or creates the log, checks that it is ours and whole at its end, and reads its head.
    pub(crate) fn open(place: Place) -> Result<Self, OpenError> {
        // SQLite would throw away a write-ahead log whose database is missing or empty. A log that is just being born has none.
        if let Some(path) = place.path()
            && std::fs::metadata(path).map_or(0, |file| file.len()) == 0
            && std::fs::metadata(path.with_extension("db-wal")).is_ok_and(|file| file.len() > 0)
        {
            let message = "it is empty, and its write-ahead log beside it is not".to_owned();
            return Err(OpenError::DamagedLog { path: path.to_owned(), message });
        }
        let db = Db::open(place, Arc::new(StateRules::default()))?;
        Self::prepare_format(&db)?;
        db.configure(Durability::Process)?;
        let head = page::head(&db)?;
        let names = db.rows("SELECT name FROM names", [], |row| row.get(0))?.into_iter().collect();
        let mut log = Self { db, head, names, epoch: 0, pending_seq: 0 };
        log.pending_seq = log.read_pending_seq()?;
        Ok(log)
    }

    fn prepare_format(db: &Db) -> Result<(), OpenError> {
        let path = || db.path().map(Path::to_owned).unwrap_or_default();
        let format = pragma(db, "PRAGMA user_version")?;
        let application = pragma(db, "PRAGMA application_id")?;
        let tables = pragma(db, "SELECT count(*) FROM sqlite_schema")?;
        match (tables, application, format) {
            (0, 0, 0) => {
                db.configure(Durability::Process)?;
                crate::crash::crash_point!("eventlog.unborn");
                // One transaction: a crash leaves an empty database or a complete one.
                db.batch(&format!(
                    "BEGIN IMMEDIATE; {TABLES} {PENDING_TABLES} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={FORMAT}; COMMIT;"
                ))?;
                Ok(())
            }
            (_, APPLICATION_ID, FORMAT) => Ok(()),
            (_, APPLICATION_ID, 1) => {
                db.batch(&format!(
                    "BEGIN IMMEDIATE; ALTER TABLE events ADD COLUMN was BLOB; {PENDING_TABLES} PRAGMA user_version={FORMAT}; COMMIT;"
                ))?;
                Ok(())
            }
            (_, APPLICATION_ID, found) if found > FORMAT => {
                Err(OpenError::NewerFormat { path: path(), found: found as u64, supported: FORMAT as u64 })
            }
            _ => Err(OpenError::Foreign { path: path(), message: "another program's SQLite database".into() }),
        }
    }

    pub(crate) fn head(&self) -> LogHead {
        self.head
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    /// Counts all events that ever were pending.
    pub(crate) fn pending_seq(&self) -> u64 {
        self.pending_seq
    }

    pub(super) fn set_pending_seq(&mut self, seq: u64) {
        self.pending_seq = seq;
    }

    pub(super) fn set_head(&mut self, head: LogHead, new_names: BTreeSet<Box<str>>) {
        self.head = head;
        self.names.extend(new_names);
    }

    /// Appends the groups in order, in one transaction with the ordinals taken from their journals.
    pub(crate) fn append(&mut self, groups: &[Arc<CommitGroup>]) -> Result<(), StorageError> {
        let new_names = self.new_names(groups.iter().map(|group| &**group));
        let head = self.write(|log| {
            log.insert_names(&new_names)?;
            let mut head = log.head;
            let mut insert = log.db.repeat(page::INSERT)?;
            for group in groups {
                head = page::insert(&mut insert, head, group)?;
            }
            drop(insert);
            log.note_all_taken(groups)?;
            Ok(head)
        })?;
        self.set_head(head, new_names);
        Ok(())
    }

    pub(super) fn new_names<'a>(&self, groups: impl Iterator<Item = &'a CommitGroup>) -> BTreeSet<Box<str>> {
        let events = groups.flat_map(|group| &group.events);
        events.filter(|event| !self.names.contains(&*event.name)).map(|event| (*event.name).into()).collect()
    }

    pub(super) fn insert_names(&self, names: &BTreeSet<Box<str>>) -> Result<(), StorageError> {
        // A name may have been here before the log began again.
        names.iter().try_for_each(|name| self.db.run("INSERT OR IGNORE INTO names VALUES(?1)", [name]).map(drop))
    }

    pub(super) fn note_all_taken(&self, groups: &[Arc<CommitGroup>]) -> Result<(), StorageError> {
        for (index, group) in groups.iter().enumerate() {
            // Only the last group of each journal in this batch tells how far the journal was taken.
            if groups[index + 1..].iter().all(|later| later.nonce != group.nonce) {
                self.note_taken(group.nonce, group.last_ordinal())?;
            }
        }
        Ok(())
    }

    fn note_taken(&self, nonce: JournalNonce, ordinal: u64) -> Result<(), StorageError> {
        let sql = "INSERT INTO journals VALUES(?1, ?2) ON CONFLICT(nonce) DO UPDATE SET ordinal = excluded.ordinal";
        self.db.run(sql, params![nonce.0, ordinal as i64]).map(drop)
    }

    /// Runs what the leader writes, in one transaction that goes through only while it leads.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Self) -> Result<T, StorageError>) -> Result<T, StorageError> {
        self.db.in_transaction(|| {
            self.check_epoch()?;
            work(self)
        })
    }

    /// The last ordinal taken from a journal; `None` where nothing was.
    pub(crate) fn taken(&self, nonce: JournalNonce) -> Result<Option<u64>, StorageError> {
        let rows =
            self.db.rows("SELECT ordinal FROM journals WHERE nonce = ?1", [nonce.0], |row| row.get::<_, i64>(0))?;
        Ok(rows.first().map(|ordinal| *ordinal as u64))
    }

    /// Forgets journals whose files are gone, where more than `kept_max` are known.
    pub(crate) fn forget_journals(
        &self,
        kept_max: usize,
        is_gone: impl Fn(JournalNonce) -> bool,
    ) -> Result<(), StorageError> {
        let known = self.db.rows("SELECT nonce FROM journals", [], |row| row.get(0).map(JournalNonce))?;
        if known.len() <= kept_max {
            return Ok(());
        }
        self.write(|log| {
            for nonce in known.into_iter().filter(|nonce| is_gone(*nonce)) {
                log.db.run("DELETE FROM journals WHERE nonce = ?1", [nonce.0])?;
            }
            Ok(())
        })
    }

    /// The state file that is current.
    pub(crate) fn state_file(&self) -> Result<Option<String>, StorageError> {
        Ok(self.db.rows("SELECT value FROM facts WHERE key = 'state_file'", [], |row| row.get(0))?.pop())
    }

    /// Names the current state file: the moment at which a rebuild becomes visible.
    pub(crate) fn set_state_file(&self, name: &str) -> Result<(), StorageError> {
        self.write(|log| log.db.run("INSERT OR REPLACE INTO facts VALUES('state_file', ?1)", [name]))?;
        self.sync()
    }

    /// What the state file looked like when it was last closed in order.
    pub(crate) fn state_seal(&self) -> Result<Option<String>, StorageError> {
        Ok(self.db.rows("SELECT value FROM facts WHERE key = 'state_seal'", [], |row| row.get(0))?.pop())
    }

    pub(crate) fn set_state_seal(&self, seal: &str) -> Result<(), StorageError> {
        self.write(|log| log.db.run("INSERT OR REPLACE INTO facts VALUES('state_seal', ?1)", [seal])).map(drop)
    }

    /// The current state file is damaged: the next start rebuilds it.
    pub(crate) fn forget_state_file(&self) -> Result<(), StorageError> {
        self.write(|log| log.db.run("DELETE FROM facts WHERE key = 'state_file'", [])).map(drop)
    }

    /// Makes everything appended so far survive a power loss. SQLite syncs the write-ahead log, all of it, at the end of a
    /// transaction in FULL mode, so a small write is a barrier for all before it.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        if self.db.path().is_none() {
            return Ok(());
        }
        self.db.batch("PRAGMA synchronous=FULL")?;
        let place = self.head.place as i64;
        let written = self.write(|log| log.db.run("INSERT OR REPLACE INTO facts VALUES('synced', ?1)", [place]));
        self.db.batch("PRAGMA synchronous=NORMAL")?;
        written.map(drop)
    }

    /// Whole groups after `place`, at least one where there is one, until `events_max` events are reached.
    pub(crate) fn groups_after(&self, place: u64, events_max: usize) -> Result<Vec<CommitGroup>, StorageError> {
        let groups = self.numbered_groups_after(place, events_max)?;
        Ok(groups.into_iter().map(|(group, _)| group).collect())
    }

    /// The same, each with the place and number of its last event.
    pub(crate) fn numbered_groups_after(
        &self,
        place: u64,
        events_max: usize,
    ) -> Result<Vec<(CommitGroup, LogHead)>, StorageError> {
        page::groups_after(&self.db, self.head, place, events_max)
    }

    /// Makes this handle the one that appends. Only the process that holds the leader's lock calls it; should the lock ever
    /// have failed, the one that led before finds out at its next transaction.
    pub(crate) fn claim(&mut self) -> Result<(), StorageError> {
        self.epoch = self.db.in_transaction(|| {
            let epoch = self.stored_epoch()?.unwrap_or(0) + 1;
            self.db.run("INSERT OR REPLACE INTO facts VALUES('epoch', ?1)", [epoch])?;
            Ok(epoch)
        })?;
        Ok(())
    }

    /// What [`claim`](Self::claim) gave: larger than that of every leader before.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }

    fn stored_epoch(&self) -> Result<Option<i64>, StorageError> {
        Ok(self.db.rows("SELECT value FROM facts WHERE key = 'epoch'", [], |row| row.get(0))?.pop())
    }

    fn check_epoch(&self) -> Result<(), StorageError> {
        if self.stored_epoch()? == Some(self.epoch) || mutant::is(Mutant::FenceNotChecked) {
            Ok(())
        } else {
            Err(StorageError::fenced(self.db.path()))
        }
    }

    /// Events that match, in order, after `place`; at most `limit` of them.
    pub(crate) fn rows_after(&self, place: u64, filter: &LogFilter, limit: usize) -> Result<Vec<LogRow>, StorageError> {
        page::rows_after(&self.db, place, filter, limit)
    }

    /// Whether this event is at this place: a state file may only build on a log that holds what it applied.
    pub(crate) fn holds(&self, place: u64, id: Option<[u8; 16]>) -> Result<bool, StorageError> {
        if place == 0 {
            return Ok(id.is_none());
        }
        let found =
            self.db.rows("SELECT id FROM events WHERE place = ?1", [place as i64], |row| row.get::<_, [u8; 16]>(0))?;
        Ok(found.first().copied() == id && id.is_some())
    }

    /// Writes a copy of the log to a new file.
    pub(crate) fn export(&self, target: &Path) -> Result<(), StorageError> {
        export(&self.db, target)
    }

    /// The names of all events in the log, each once.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
}

/// Writes a consistent copy of the database to a file that must not exist yet.
pub(crate) fn export(db: &Db, target: &Path) -> Result<(), StorageError> {
    let refuse = |message: &str| StorageError {
        kind: StorageKind::NotWritable,
        path: Some(target.to_owned()),
        message: message.to_owned(),
    };
    if target.exists() {
        return Err(refuse("the file exists already"));
    }
    let name = target.to_str().ok_or_else(|| refuse("SQLite takes file names in UTF-8 only"))?;
    let exported = db.run("VACUUM INTO ?1", [name]);
    exported.map(drop).map_err(|error| {
        // Half a copy is none. It was not there before, so it is ours.
        let _ = std::fs::remove_file(target);
        StorageError { path: Some(target.to_owned()), ..error }
    })
}

fn pragma(db: &Db, sql: &str) -> Result<i64, StorageError> {
    Ok(db.rows(sql, [], |row| row.get(0))?.pop().unwrap_or(0))
}
