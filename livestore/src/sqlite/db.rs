use super::access::{ReadSet, TrackedState, WriteSet};
use super::fault;
use super::guard::{Asker, Guard, StateRules, StatementFacts};
use super::place::{Durability, Place};
use super::text_hasher::TextHasher;
use super::words::asks_on_conflict;
use crate::error::{QueryError, StorageError};
use crate::ids::SessionId;
use crate::schema::StateAccess;
use crate::value::{Row, SqlValue};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::sync::Arc;

/// The pages a connection keeps, 16 MiB.
const CACHE_SIZE: &str = "PRAGMA cache_size=-16384";
/// The prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 512;
/// The statement texts whose facts are remembered; an application that writes values into its SQL could otherwise grow
/// the map without end.
const FACTS_MAX: usize = 4_096;

/// On whose behalf application statements run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A query of the application: reads only.
    Reader,
    /// The materializer of a synced event.
    SyncedEvent,
    /// The materializer of a client-only event.
    ClientOnlyEvent,
}

/// A compiled application statement, with what is known of it.
type Prepared<'db> = (rusqlite::CachedStatement<'db>, Arc<StatementFacts>);

/// How the commit group that is being applied would be undone. A savepoint costs a copy of every page that is written under
/// it, so it is opened when a write may be followed by another: most groups are one event that makes one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    /// No group is being applied.
    None,
    /// Nothing was written yet.
    NotNeeded,
    /// By the savepoint `livestore_group`.
    Savepoint,
    /// Its one statement was atomic by itself, and succeeded: only what stands around the group undoes it.
    Outer,
}

/// One SQLite connection with its statements, and what they may do.
pub(crate) struct Db {
    connection: Connection,
    guard: Arc<Guard>,
    rules: Arc<StateRules>,
    place: Place,
    /// Resolves [`SqlValue::SessionId`]; the leader's state has none, and nothing there asks for one.
    session: Option<SessionId>,
    /// Resolves it while an event is materialized: the same everywhere.
    committer: RefCell<Option<SessionId>>,
    role: Cell<Role>,
    undo: Cell<Undo>,
    facts: RefCell<HashMap<Box<str>, Arc<StatementFacts>, BuildHasherDefault<TextHasher>>>,
    writes: RefCell<WriteSet>,
    reads: RefCell<Option<ReadSet>>,
    fault: RefCell<Option<StorageError>>,
}

impl Db {
    /// Opens or creates the database.
    pub(crate) fn open(place: Place, rules: Arc<StateRules>) -> Result<Self, StorageError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
        let connection = match &place {
            Place::Memory => Connection::open_in_memory_with_flags(flags),
            Place::File(path) => open_file(path, flags),
        };
        let connection = connection.map_err(|error| fault::storage_error(&error, place.path()))?;
        Self::wrap(connection, place, rules)
    }

    fn wrap(mut connection: Connection, place: Place, rules: Arc<StateRules>) -> Result<Self, StorageError> {
        let guard = Arc::new(Guard::default());
        let authorizer = Arc::clone(&guard);
        connection
            .authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| authorizer.authorize(&context)))
            .map_err(|error| fault::storage_error(&error, place.path()))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Else SQLite compiles a statement with `LIMIT ?` anew for every value bound to it, which costs more than most queries.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(|error| fault::storage_error(&error, place.path()))?;
        Ok(Self {
            connection,
            guard,
            rules,
            place,
            session: None,
            committer: RefCell::default(),
            role: Cell::new(Role::Reader),
            undo: Cell::new(Undo::None),
            facts: RefCell::default(),
            writes: RefCell::default(),
            reads: RefCell::default(),
            fault: RefCell::default(),
        })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.place.path()
    }

    pub(crate) fn set_session(&mut self, session: SessionId) {
        self.session = Some(session);
    }

    /// Settings of every connection, then those of its durability. Foreign keys hold in all of them.
    pub(crate) fn configure(&self, durability: Durability) -> Result<(), StorageError> {
        self.batch(
            "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA busy_timeout=5000;",
        )?;
        self.batch(CACHE_SIZE)?;
        match (&self.place, durability) {
            (Place::Memory, _) => Ok(()),
            (Place::File(_), Durability::Process) => self.batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"),
            (Place::File(_), Durability::Scratch) => self.batch("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;"),
        }
    }

    /// Runs statements of the library, without parameters.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), StorageError> {
        self.guard.expect(Asker::Library);
        self.connection.execute_batch(sql).map_err(|error| self.storage(&error))
    }

    /// A function in the statements just run that is not deterministic.
    pub(super) fn not_deterministic(&self) -> Option<String> {
        self.guard.not_deterministic()
    }

    /// Runs one statement of the library, compiled once.
    pub(crate) fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, StorageError> {
        self.guard.expect(Asker::Library);
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(|error| self.storage(&error))
    }

    /// Compiles one statement of the library to run it many times in a row, with nothing else between.
    pub(crate) fn repeat<'db>(&'db self, sql: &str) -> Result<Repeated<'db>, StorageError> {
        self.guard.expect(Asker::Library);
        let statement = self.connection.prepare_cached(sql).map_err(|error| self.storage(&error))?;
        Ok(Repeated { statement, db: self })
    }

    /// Reads with a statement of the library.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StorageError> {
        self.guard.expect(Asker::Library);
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, read)?.collect())
            .map_err(|error| self.storage(&error))
    }

    /// Copies the whole database into an empty one in memory, in one step.
    pub(crate) fn copy_to_memory(&self) -> Result<Self, StorageError> {
        // Each page is read once: keeping them all here as well costs more than reading the few that are wanted again.
        self.batch("PRAGMA cache_size=-1024")?;
        let copied = self.copy_pages();
        self.batch(CACHE_SIZE)?;
        copied
    }

    fn copy_pages(&self) -> Result<Self, StorageError> {
        let mut copy = Connection::open_in_memory().map_err(|error| self.storage(&error))?;
        rusqlite::backup::Backup::new(&self.connection, &mut copy)
            .and_then(|backup| backup.step(-1))
            .map_err(|error| self.storage(&error))?;
        Self::wrap(copy, Place::Memory, Arc::clone(&self.rules))
    }

    /// Runs the work in one transaction; after an error nothing of it is left.
    pub(crate) fn in_transaction<T>(&self, work: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        self.run("BEGIN IMMEDIATE", [])?;
        let done = work().and_then(|value| self.run("COMMIT", []).map(|_| value));
        if done.is_err() && self.is_in_transaction() {
            // The first error is the one to show; a failed rollback leaves nothing behind either.
            let _ = self.run("ROLLBACK", []);
        }
        done
    }

    /// Whether a transaction or savepoint is open.
    pub(crate) fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Whose events are materialized from here on: a session's own is then the committer's own.
    pub(crate) fn set_committer(&self, session: Option<SessionId>) {
        self.committer.replace(session);
    }

    /// Sets on whose behalf application statements run from here on.
    pub(crate) fn act_as(&self, role: Role) {
        self.role.set(role);
    }

    /// The writes that follow are those of one commit group, until [`keep_group`](Self::keep_group) or
    /// [`undo_group`](Self::undo_group).
    pub(crate) fn begin_group(&self) {
        debug_assert_eq!(self.undo.get(), Undo::None, "groups do not nest");
        self.undo.set(Undo::NotNeeded);
    }

    /// The group stands.
    pub(crate) fn keep_group(&self) -> Result<(), StorageError> {
        match self.undo.replace(Undo::None) {
            Undo::Savepoint => self.run("RELEASE livestore_group", []).map(drop),
            Undo::None | Undo::NotNeeded | Undo::Outer => Ok(()),
        }
    }

    /// Takes the group back; `false` where only what stands around it can do that.
    pub(crate) fn undo_group(&self) -> Result<bool, StorageError> {
        let undo = self.undo.replace(Undo::None);
        // After some faults of the disk SQLite has taken back the whole transaction by itself, and the savepoint with it.
        if undo == Undo::Savepoint && self.is_in_transaction() {
            self.run("ROLLBACK TO livestore_group", [])?;
            self.run("RELEASE livestore_group", [])?;
        }
        Ok(undo != Undo::Outer)
    }

    /// Before a write that another one may follow, and that does not have to succeed.
    fn open_savepoint(&self) -> Result<(), QueryError> {
        if self.undo.get() == Undo::NotNeeded {
            if let Err(error) = self.run("SAVEPOINT livestore_group", []) {
                self.fault.borrow_mut().get_or_insert_with(|| error.clone());
                return Err(error.into());
            }
            self.undo.set(Undo::Savepoint);
        }
        Ok(())
    }

    /// Runs the write with which the group ends. If it is also the first, it needs no savepoint: a statement that fails has
    /// changed nothing.
    pub(crate) fn write_last(&self, sql: &str, binds: &[SqlValue]) -> Result<(), QueryError> {
        if self.undo.get() != Undo::NotNeeded {
            return self.write(sql, binds, &mut |_| Ok(())).map(drop);
        }
        let prepared = self.prepare(sql)?;
        if !prepared.1.is_atomic {
            drop(prepared);
            return self.write(sql, binds, &mut |_| Ok(())).map(drop);
        }
        self.execute(prepared, sql, binds, &mut |_| Ok(()))?;
        self.undo.set(Undo::Outer);
        Ok(())
    }

    /// What was written by application statements since the last call.
    pub(crate) fn take_writes(&self) -> WriteSet {
        self.writes.take()
    }

    /// The first storage fault of an application statement since the last call, even where the materializer swallowed
    /// it: with such a fault its outcome says nothing about the event.
    pub(crate) fn take_fault(&self) -> Option<StorageError> {
        self.fault.take()
    }

    fn storage(&self, error: &rusqlite::Error) -> StorageError {
        fault::storage_error(error, self.path())
    }

    fn refuse(&self, error: rusqlite::Error, sql: &str) -> QueryError {
        if let Some(what) = self.guard.refused_while_running() {
            return QueryError::Forbidden { what, sql: fault::shown(sql) };
        }
        let error = fault::query_error(error, sql, self.path());
        if let QueryError::Storage(storage) = &error {
            self.fault.borrow_mut().get_or_insert_with(|| storage.clone());
        }
        error
    }

    /// Compiles an application statement, or takes it from the cache, and checks that the present role may run it.
    fn prepare(&self, sql: &str) -> Result<Prepared<'_>, QueryError> {
        let known = self.facts.borrow().get(sql).cloned();
        self.guard.expect(Asker::Application);
        let statement = self.connection.prepare_cached(sql);
        let facts = match known {
            Some(facts) => facts,
            None => {
                if statement.is_ok() && !self.guard.was_asked() {
                    // It came from the cache, compiled for the library or before its facts were forgotten: compile it again,
                    // for what the authorizer has to say.
                    drop(self.connection.prepare(sql));
                }
                self.remember(sql, statement.as_deref().ok())?
            }
        };
        let statement = statement.map_err(|error| self.refuse(error, sql))?;
        self.check(sql, &facts)?;
        Ok((statement, facts))
    }

    /// Notes the facts of a statement that was compiled, or not, just now.
    fn remember(
        &self,
        sql: &str,
        compiled: Option<&rusqlite::Statement<'_>>,
    ) -> Result<Arc<StatementFacts>, QueryError> {
        let forbid = |what: String| Err(QueryError::Forbidden { what, sql: fault::shown(sql) });
        let mut facts = self.guard.facts(sql, &self.rules);
        if let Some(what) = facts.refused.take() {
            return forbid(what);
        }
        if compiled.is_some() && !facts.writes.is_empty() && asks_on_conflict(sql, "rollback") {
            return forbid("OR ROLLBACK".into());
        }
        if compiled.is_some_and(|statement| statement.column_count() == 0) && facts.writes.is_empty() {
            return forbid("a text that neither reads nor writes".into());
        }
        facts.is_atomic = !asks_on_conflict(sql, "fail");
        let facts = Arc::new(facts);
        if compiled.is_some() {
            let mut known = self.facts.borrow_mut();
            if known.len() >= FACTS_MAX {
                known.clear();
            }
            known.insert(sql.into(), Arc::clone(&facts));
        }
        Ok(facts)
    }

    fn check(&self, sql: &str, facts: &StatementFacts) -> Result<(), QueryError> {
        let forbid = |what: String| Err(QueryError::Forbidden { what, sql: fault::shown(sql) });
        let role = self.role.get();
        if role == Role::Reader {
            return if facts.writes.is_empty() { Ok(()) } else { Err(QueryError::Writes { sql: fault::shown(sql) }) };
        }
        if let Some(function) = &facts.not_deterministic {
            return forbid(format!("the function `{function}`, which is not deterministic,"));
        }
        let is_client_only = |table: &str| self.rules.client_only.contains(table);
        for table in facts.writes.tables() {
            if is_client_only(table) != (role == Role::ClientOnlyEvent) {
                return forbid(match role {
                    Role::ClientOnlyEvent => format!("writing the synced table `{table}` in a client-only event"),
                    _ => format!("writing the client-only table `{table}` in a synced event"),
                });
            }
        }
        for table in facts.reads.tables() {
            if role == Role::SyncedEvent && is_client_only(table) {
                return forbid(format!("reading the client-only table `{table}` in a synced event"));
            }
            if table.starts_with("sqlite_") || table.starts_with("livestore") {
                return forbid(format!("reading the internal table `{table}` in a materializer"));
            }
        }
        Ok(())
    }

    fn bind(&self, statement: &mut rusqlite::CachedStatement<'_>, binds: &[SqlValue]) -> rusqlite::Result<()> {
        let expected = statement.parameter_count();
        if expected != binds.len() {
            return Err(rusqlite::Error::InvalidParameterCount(binds.len(), expected));
        }
        let committer = self.committer.borrow();
        let session = committer.as_ref().or(self.session.as_ref());
        for (index, value) in binds.iter().enumerate() {
            match (value, session) {
                (SqlValue::SessionId, Some(session)) => statement.raw_bind_parameter(index + 1, session.as_str())?,
                (value, _) => statement.raw_bind_parameter(index + 1, value)?,
            }
        }
        Ok(())
    }

    fn execute(
        &self,
        (mut statement, facts): Prepared<'_>,
        sql: &str,
        binds: &[SqlValue],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), QueryError>,
    ) -> Result<usize, QueryError> {
        if facts.writes.is_empty() {
            return Err(QueryError::Forbidden { what: "a write that writes nothing".into(), sql: fault::shown(sql) });
        }
        self.writes.borrow_mut().merge(&facts.writes);
        self.bind(&mut statement, binds).map_err(|error| self.refuse(error, sql))?;
        self.each_row(sql, &mut statement, each)?;
        Ok(self.connection.changes() as usize)
    }

    fn each_row(
        &self,
        sql: &str,
        statement: &mut rusqlite::CachedStatement<'_>,
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        #[cfg(test)]
        if let Some(code) = crate::crash::step_code() {
            return Err(self.refuse(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None), sql));
        }
        let mut rows = statement.raw_query();
        loop {
            match rows.next() {
                Ok(Some(row)) => each(&Row::new(row))?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.refuse(error, sql)),
            }
        }
    }
}

impl StateAccess for Db {
    fn select(
        &self,
        sql: &str,
        binds: &[SqlValue],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (mut statement, facts) = self.prepare(sql)?;
        if !facts.writes.is_empty() {
            return Err(QueryError::Writes { sql: fault::shown(sql) });
        }
        if let Some(reads) = &mut *self.reads.borrow_mut() {
            reads.merge(&facts.reads);
        }
        self.bind(&mut statement, binds).map_err(|error| self.refuse(error, sql))?;
        self.each_row(sql, &mut statement, each)
    }

    fn write(
        &self,
        sql: &str,
        binds: &[SqlValue],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), QueryError>,
    ) -> Result<usize, QueryError> {
        // Before the statement is compiled: the guard listens to one asker at a time, also while a statement runs.
        self.open_savepoint()?;
        self.execute(self.prepare(sql)?, sql, binds, each)
    }
}

fn open_file(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    #[cfg(any(test, feature = "crash-points"))]
    if let Some(vfs) = crate::crash::vfs_of(path) {
        return Connection::open_with_flags_and_vfs(path, flags, vfs.as_str());
    }
    Connection::open_with_flags(path, flags)
}

/// One statement of the library, run again and again; made by [`Db::repeat`].
pub(crate) struct Repeated<'db> {
    statement: rusqlite::CachedStatement<'db>,
    db: &'db Db,
}

impl Repeated<'_> {
    pub(crate) fn run(&mut self, params: impl rusqlite::Params) -> Result<(), StorageError> {
        self.statement.execute(params).map(drop).map_err(|error| self.db.storage(&error))
    }
}

impl TrackedState for Db {
    fn track(&self, computation: &mut dyn FnMut()) -> ReadSet {
        let outer = self.reads.replace(Some(ReadSet::default()));
        computation();
        self.reads.replace(outer).unwrap_or_default()
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("place", &self.place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
