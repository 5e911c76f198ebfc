use super::{Judged, Quarantined, seal};
use crate::error::{CommitError, StorageError, StorageKind};
use crate::event::{CommitGroup, SequenceNumber};
use crate::eventlog::{Eventlog, LogHead, export};
use crate::materialize::{GroupError, Materializers};
use crate::mutant::{self, Mutant};
use crate::schema::create_statements;
use crate::sqlite::{Db, Durability, Place, StateRules};
use rusqlite::params;
use std::path::Path;
use std::sync::Arc;

/// The library's own tables in a state. The position moves in the same transaction as the rows it speaks of; quarantine
/// is derived like everything else here, and decided again on every rebuild. `epoch` is that of the leader that writes here.
const TABLES: &str = "
    CREATE TABLE livestore_position(
        one INTEGER PRIMARY KEY NOT NULL CHECK(one = 1),
        fingerprint TEXT NOT NULL,
        complete INTEGER NOT NULL,
        place INTEGER NOT NULL,
        global INTEGER NOT NULL,
        client INTEGER NOT NULL,
        event_id BLOB,
        log_synced INTEGER NOT NULL,
        epoch INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE livestore_quarantine(
        place INTEGER PRIMARY KEY NOT NULL,
        global INTEGER NOT NULL,
        client INTEGER NOT NULL,
        events INTEGER NOT NULL,
        event TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;";

/// The most quarantined groups that a status lists.
pub(crate) const QUARANTINED_MAX: usize = 1_000;

/// What became of a group at its final place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Applied,
    Quarantined(Arc<str>),
}

/// Up to where a state has applied the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatePosition {
    pub(crate) place: u64,
    pub(crate) number: SequenceNumber,
    pub(crate) event_id: Option<[u8; 16]>,
}

/// The persisted state: the confirmed prefix of the log, materialized.
#[derive(Debug)]
pub(crate) struct State {
    db: Db,
    materializers: Materializers,
    position: StatePosition,
    /// The fencing token, that of the log. Every write transaction compares it.
    epoch: i64,
}

impl State {
    /// Creates an empty state that counts as incomplete until [`complete`](Self::complete).
    pub(crate) fn create(
        place: Place,
        materializers: Materializers,
        fingerprint: &str,
        epoch: i64,
    ) -> Result<Self, StorageError> {
        let db = Self::connect(place, materializers)?;
        db.configure(Durability::Scratch)?;
        db.batch("BEGIN")?;
        db.batch(TABLES)?;
        for statement in create_statements(materializers.schema) {
            db.batch(&statement)?;
        }
        let sql = "INSERT INTO livestore_position VALUES(1, ?1, 0, 0, 0, 0, NULL, 0, ?2)";
        db.run(sql, params![fingerprint, epoch])?;
        db.batch("COMMIT")?;
        Ok(Self { db, materializers, position: StatePosition::default(), epoch })
    }

    fn connect(place: Place, materializers: Materializers) -> Result<Db, StorageError> {
        let db = Db::open(place, Arc::new(StateRules::of(materializers.schema)))?;
        #[cfg(any(test, feature = "crash-points"))]
        if crate::crash::is_reversed() {
            db.batch("PRAGMA reverse_unordered_selects=ON")?;
        }
        Ok(db)
    }

    /// Opens a finished state; `None` where it must be rebuilt: damaged, incomplete, of another fingerprint, or not on
    /// this log.
    pub(crate) fn open(
        place: Place,
        materializers: Materializers,
        fingerprint: &str,
        log: &Eventlog,
    ) -> Result<Option<Self>, StorageError> {
        let opened = Self::open_checked(place, materializers, fingerprint, log);
        match opened {
            // State is derived: whatever is wrong with the file, the log has the cure.
            Err(error) if !matches!(error.kind, StorageKind::Full | StorageKind::Resources | StorageKind::Busy) => {
                tracing::warn!(%error, "the state file is not usable and is rebuilt from the eventlog");
                Ok(None)
            }
            opened => opened,
        }
    }

    fn open_checked(
        place: Place,
        materializers: Materializers,
        fingerprint: &str,
        log: &Eventlog,
    ) -> Result<Option<Self>, StorageError> {
        if !place.path().is_some_and(Path::exists) {
            return Ok(None);
        }
        let seal = place.path().and_then(seal::of);
        let db = Self::connect(place, materializers)?;
        db.configure(Durability::Process)?;
        // The position is read after whoever led before can write no more. A file of an epoch that this log has not come to
        // is that of another copy of the log.
        if db.run("UPDATE livestore_position SET epoch = ?1 WHERE epoch <= ?1", [log.epoch()])? != 1 {
            return Ok(None);
        }
        let Some(facts) = read_facts(&db)? else { return Ok(None) };
        let mut position = facts.position;
        if mutant::is(Mutant::StateLagNotSeen) || mutant::is(Mutant::StateBeforeLog) {
            let head = log.head();
            position = StatePosition { place: head.place, number: head.number, event_id: None };
            return Ok(Some(Self { db, materializers, position, epoch: log.epoch() }));
        }
        let is_usable = facts.is_complete
            && (facts.fingerprint == fingerprint || mutant::is(Mutant::FingerprintIgnored))
            && log.holds(position.place, position.event_id)?
            && (seal.is_some() && seal == log.state_seal()? || is_whole(&db)?);
        Ok(is_usable.then_some(Self { db, materializers, position, epoch: log.epoch() }))
    }

    /// What a state file of any fingerprint says of itself; `None` where it does not read.
    pub(crate) fn peek(place: Place) -> Option<StateFacts> {
        let db = Db::open(place, Arc::new(StateRules::default())).ok()?;
        read_facts(&db).ok()?
    }

    /// Remembers how long the log was when it was made durable.
    pub(crate) fn note_synced(&self, place: u64) -> Result<(), StorageError> {
        self.write(|| self.db.run("UPDATE livestore_position SET log_synced = ?1", [place as i64]).map(drop))
    }

    /// Runs what the leader writes, in one transaction that goes through only while it leads.
    fn write<T>(&self, work: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        self.db.in_transaction(|| {
            let stored = self.db.rows("SELECT epoch FROM livestore_position", [], |row| row.get::<_, i64>(0))?;
            if stored != [self.epoch] {
                return Err(StorageError::fenced(self.path()));
            }
            work()
        })
    }

    /// Writes everything into the database file itself, where closing it has nothing more to write.
    pub(crate) fn write_back(&self) -> Result<(), StorageError> {
        let busy = self.db.rows("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
        if busy == [false] {
            return Ok(());
        }
        let message = "another connection reads the state".to_owned();
        Err(StorageError { kind: StorageKind::Busy, path: self.path().map(Path::to_owned), message })
    }

    /// Ends a rebuild: everything is on disk, and the file is one that later transactions append to.
    pub(crate) fn complete(&self) -> Result<(), StorageError> {
        self.db.configure(Durability::Process)?;
        self.db.batch("PRAGMA synchronous=FULL")?;
        self.write(|| self.db.run("UPDATE livestore_position SET complete = 1", []))?;
        if self.db.path().is_some() {
            // Syncs the database file itself, whose earlier pages were written without.
            self.db.batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous=NORMAL;")?;
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.db.path()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn position(&self) -> StatePosition {
        self.position
    }

    /// Applies groups that follow the position, in one transaction. A group that fails by its own fault is quarantined; a
    /// storage fault undoes all and is the caller's to retry.
    pub(crate) fn apply(&mut self, groups: &[Arc<CommitGroup>]) -> Result<Vec<Judged>, StorageError> {
        let done = self.write(|| self.apply_all(groups));
        self.db.take_writes();
        let (judged, position) = done?;
        self.position = position;
        Ok(judged)
    }

    fn apply_all(&self, groups: &[Arc<CommitGroup>]) -> Result<(Vec<Judged>, StatePosition), StorageError> {
        let mut judged = Vec::with_capacity(groups.len());
        let mut position = self.position;
        for group in groups {
            for (index, event) in group.events.iter().enumerate() {
                position.place += 1;
                position.number = position.number.next(event.client_only);
                position.event_id = Some(*group.event_id(index).as_bytes());
            }
            let verdict = match self.materializers.apply(&self.db, group) {
                Ok(()) => Verdict::Applied,
                Err(GroupError::Storage(error)) if mutant::is(Mutant::EveryErrorQuarantines) => {
                    self.quarantine(group, &position, &CommitError::Storage(error))?
                }
                Err(GroupError::Storage(error) | GroupError::NotUndone(error)) => return Err(error),
                Err(GroupError::Event(error)) if mutant::is(Mutant::MaterializerErrorStops) => {
                    let (kind, path) = (StorageKind::Io, self.path().map(Path::to_owned));
                    return Err(StorageError { kind, path, message: error.to_string() });
                }
                Err(GroupError::Event(error)) => self.quarantine(group, &position, &error)?,
            };
            let head = LogHead { place: position.place, number: position.number };
            judged.push(Judged { group: Arc::clone(group), head, verdict });
        }
        self.db.run(
            "UPDATE livestore_position SET place = ?1, global = ?2, client = ?3, event_id = ?4",
            params![
                position.place as i64,
                position.number.global as i64,
                position.number.client as i64,
                position.event_id
            ],
        )?;
        Ok((judged, position))
    }

    fn quarantine(
        &self,
        group: &CommitGroup,
        position: &StatePosition,
        error: &CommitError,
    ) -> Result<Verdict, StorageError> {
        let reason = super::bounded(error.to_string());
        tracing::warn!(number = %position.number, %reason, "a commit group is quarantined");
        self.db.run(
            "INSERT OR REPLACE INTO livestore_quarantine VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                position.place as i64,
                position.number.global as i64,
                position.number.client as i64,
                group.events.len() as i64,
                group.events[0].name,
                reason
            ],
        )?;
        Ok(Verdict::Quarantined(reason.into()))
    }

    pub(crate) fn quarantined(&self) -> Result<Vec<Quarantined>, StorageError> {
        quarantined(&self.db)
    }

    pub(crate) fn export(&self, target: &Path) -> Result<(), StorageError> {
        export(&self.db, target)
    }
}

/// The state of a leader in another process, to read from.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug)]
pub(crate) struct StateReader {
    db: Db,
}

#[cfg(not(target_arch = "wasm32"))]
impl StateReader {
    pub(crate) fn open(place: Place, materializers: Materializers) -> Result<Self, StorageError> {
        let db = State::connect(place, materializers)?;
        db.configure(Durability::Process)?;
        Ok(Self { db })
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn position(&self) -> Result<StatePosition, StorageError> {
        read_facts(&self.db)?.map(|facts| facts.position).ok_or_else(|| self.no_position())
    }

    fn no_position(&self) -> StorageError {
        StorageError {
            kind: StorageKind::Damaged,
            path: self.db.path().map(Path::to_owned),
            message: "the state has no position".into(),
        }
    }

    pub(crate) fn quarantined(&self) -> Result<Vec<Quarantined>, StorageError> {
        quarantined(&self.db)
    }

    /// A copy, made in one read transaction, and the position that it has.
    pub(crate) fn copy(&self) -> Result<(Db, StatePosition), StorageError> {
        let copy = self.db.copy_to_memory()?;
        let facts = read_facts(&copy)?.ok_or_else(|| self.no_position())?;
        Ok((copy, facts.position))
    }

    pub(crate) fn export(&self, target: &Path) -> Result<(), StorageError> {
        export(&self.db, target)
    }
}

/// What the state keeps of the group that ends at this place.
pub(super) fn verdict_at(db: &Db, place: u64) -> Result<Verdict, StorageError> {
    let sql = "SELECT reason FROM livestore_quarantine WHERE place = ?1";
    let reason: Option<String> = db.rows(sql, [place as i64], |row| row.get(0))?.pop();
    Ok(reason.map_or(Verdict::Applied, |reason| Verdict::Quarantined(reason.into())))
}

fn quarantined(db: &Db) -> Result<Vec<Quarantined>, StorageError> {
    let sql = format!(
        "SELECT * FROM (SELECT global, client, events, event, reason, place FROM livestore_quarantine
            ORDER BY place DESC LIMIT {QUARANTINED_MAX}) ORDER BY place"
    );
    db.rows(&sql, [], |row| {
        Ok(Quarantined {
            number: SequenceNumber {
                global: row.get::<_, i64>(0)? as u64,
                client: row.get::<_, i64>(1)? as u64,
                rebase_generation: 0,
            },
            events: row.get::<_, i64>(2)? as usize,
            event: row.get(3)?,
            reason: row.get(4)?,
        })
    })
}

/// Whether every page is what its parent says it is. Reading all of it once costs no more than the copy that the first
/// session makes of it.
fn is_whole(db: &Db) -> Result<bool, StorageError> {
    let page = db.rows("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.pop().unwrap_or(4_096) as u64;
    // SQLite takes a last page that is cut short for one that ends in zeros.
    if db.path().and_then(|path| std::fs::metadata(path).ok()).is_some_and(|file| file.len() % page != 0) {
        return Ok(false);
    }
    let found = db.rows("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?;
    let is_ok = found == ["ok"];
    if !is_ok {
        tracing::warn!(?found, "the state file is damaged and is rebuilt from the eventlog");
    }
    Ok(is_ok)
}

/// What the file says of itself.
#[derive(Clone, Debug)]
pub(crate) struct StateFacts {
    pub(crate) position: StatePosition,
    fingerprint: String,
    is_complete: bool,
    /// How long the log was when it was last made durable.
    pub(crate) log_synced: u64,
}

/// `None` where the table is not there.
fn read_facts(db: &Db) -> Result<Option<StateFacts>, StorageError> {
    let tables = "SELECT 1 FROM sqlite_schema WHERE name = 'livestore_position'";
    if db.rows(tables, [], |_| Ok(()))?.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT place, global, client, event_id, fingerprint, complete, log_synced FROM livestore_position";
    let rows = db.rows(sql, [], |row| {
        let number = SequenceNumber {
            global: row.get::<_, i64>(1)? as u64,
            client: row.get::<_, i64>(2)? as u64,
            rebase_generation: 0,
        };
        Ok(StateFacts {
            position: StatePosition { place: row.get::<_, i64>(0)? as u64, number, event_id: row.get(3)? },
            fingerprint: row.get(4)?,
            is_complete: row.get(5)?,
            log_synced: row.get::<_, i64>(6)? as u64,
        })
    })?;
    Ok(rows.into_iter().next())
}
