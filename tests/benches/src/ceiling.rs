//! The physical ceiling: the same SQLite work with no framework. No reactivity, no schema layer, no undo, no session's
//! copy: two databases, prepared statements, and JSON.

use crate::app::{TEXT, Todo, TodoCreated, created, id};
use rusqlite::{Connection, Result, params};
use std::path::Path;

/// How a commit reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing reaches it.
    Memory,
    /// A write-ahead log that survives the process, not a power loss.
    WalNormal,
}

/// An eventlog and a state, by hand.
#[derive(Debug)]
pub struct Ceiling {
    log: Connection,
    state: Connection,
}

/// The state's table, as livestore creates it.
pub const STATE: &str = "
    CREATE TABLE IF NOT EXISTS todos(id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL DEFAULT '',
        completed INTEGER NOT NULL DEFAULT 0, deleted_at INTEGER) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS todos_completed ON todos(completed);";

const LOG: &str = "
    CREATE TABLE IF NOT EXISTS eventlog(seq INTEGER PRIMARY KEY NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL,
        args TEXT NOT NULL, client_id TEXT NOT NULL, session_id TEXT NOT NULL) STRICT;";

impl Ceiling {
    /// Opens or creates both databases.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open(mode: Mode, folder: &Path) -> Result<Self> {
        let (log, state) = (open(mode, &folder.join("log.db"))?, open(mode, &folder.join("state.db"))?);
        log.execute_batch(LOG)?;
        state.execute_batch(STATE)?;
        Ok(Self { log, state })
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> &Connection {
        &self.state
    }

    /// Appends and applies a group: one transaction each.
    ///
    /// # Errors
    /// SQLite's.
    pub fn commit(&self, first: u64, events: &[TodoCreated]) -> Result<()> {
        begin(&self.log)?;
        begin(&self.state)?;
        for (index, event) in events.iter().enumerate() {
            let args = serde_json::to_string(event).unwrap_or_default();
            insert(&self.state, &event.id, &event.text)?;
            append(&self.log, first + index as u64, &args)?;
        }
        end(&self.state)?;
        end(&self.log)
    }

    /// Commits so many events, in groups.
    ///
    /// # Errors
    /// SQLite's.
    pub fn fill(&self, from: u64, events: u64, group: u64) -> Result<()> {
        let end = from + events;
        let mut next = from;
        while next < end {
            let last = end.min(next + group);
            let batch: Vec<TodoCreated> = (next..last).map(created).collect();
            self.commit(next + 1, &batch)?;
            next = last;
        }
        Ok(())
    }

    /// Reads every event and applies it to a new state, in one transaction.
    ///
    /// # Errors
    /// SQLite's.
    pub fn rebuild(&self, mode: Mode, target: &Path) -> Result<u64> {
        let state = open(mode, target)?;
        state.execute_batch(STATE)?;
        begin(&state)?;
        let mut statement = self.log.prepare_cached("SELECT name, args FROM eventlog ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut done = 0;
        while let Some(row) = rows.next()? {
            if row.get_ref(0)?.as_str()? == "v1.TodoCreated"
                && let Ok(event) = serde_json::from_str::<TodoCreated>(row.get_ref(1)?.as_str()?)
            {
                insert(&state, &event.id, &event.text)?;
            }
            done += 1;
        }
        end(&state)?;
        Ok(done)
    }

    /// A session's copy of the state, with so many events applied on top of a savepoint.
    ///
    /// # Errors
    /// SQLite's.
    pub fn session(&self, pending: &[String]) -> Result<Connection> {
        let mut copy = Connection::open_in_memory()?;
        rusqlite::backup::Backup::new(&self.state, &mut copy)?.step(-1)?;
        copy.execute_batch("SAVEPOINT base")?;
        pending.iter().try_for_each(|args| apply(&copy, args))?;
        Ok(copy)
    }

    /// Events of others come, in pages, before what is pending: log and state take them, one transaction each for a page; the
    /// session goes back to its savepoint, takes them too and applies what is pending again.
    ///
    /// # Errors
    /// SQLite's.
    pub fn rebase(&self, session: &Connection, (first, upstream): (u64, &[String]), pending: &[String]) -> Result<()> {
        for (index, page) in upstream.chunks(100).enumerate() {
            begin(&self.log)?;
            for (seq, args) in (first + 100 * index as u64..).zip(page) {
                append(&self.log, seq, args)?;
            }
            end(&self.log)?;
            begin(&self.state)?;
            page.iter().try_for_each(|args| apply(&self.state, args))?;
            end(&self.state)?;
        }
        session.execute_batch("ROLLBACK TO base")?;
        upstream.iter().try_for_each(|args| apply(session, args))?;
        session.execute_batch("RELEASE base; SAVEPOINT base")?;
        pending.iter().try_for_each(|args| apply(session, args))
    }

    /// Opens both databases of a folder, finds the head, copies state into memory and reads once.
    ///
    /// # Errors
    /// SQLite's.
    pub fn start(folder: &Path) -> Result<(Connection, usize)> {
        let it = Self::open(Mode::WalNormal, folder)?;
        it.log.query_row("SELECT max(seq) FROM eventlog", [], |row| row.get::<_, Option<i64>>(0))?;
        let mut copy = Connection::open_in_memory()?;
        rusqlite::backup::Backup::new(&it.state, &mut copy)?.step(-1)?;
        let found = first_page(&copy)?.len();
        Ok((copy, found))
    }

    /// Writes everything into the database files themselves.
    ///
    /// # Errors
    /// SQLite's.
    pub fn checkpoint(&self) -> Result<()> {
        self.log.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        self.state.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
    }
}

fn open(mode: Mode, path: &Path) -> Result<Connection> {
    let connection = match mode {
        Mode::Memory => Connection::open_in_memory()?,
        Mode::WalNormal => Connection::open(path)?,
    };
    connection.execute_batch("PRAGMA foreign_keys=ON; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY;")?;
    if mode == Mode::WalNormal {
        connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn begin(connection: &Connection) -> Result<()> {
    connection.prepare_cached("BEGIN")?.execute([]).map(drop)
}

fn end(connection: &Connection) -> Result<()> {
    connection.prepare_cached("COMMIT")?.execute([]).map(drop)
}

fn append(log: &Connection, seq: u64, args: &str) -> Result<()> {
    let mut statement = log.prepare_cached("INSERT INTO eventlog VALUES(?1, ?2, ?3, ?4, ?5, ?6)")?;
    let id = u128::from(seq).to_be_bytes();
    statement.execute(params![seq as i64, id, "v1.TodoCreated", args, "client", "session-of-22-letters"]).map(drop)
}

fn insert(state: &Connection, id: &str, text: &str) -> Result<()> {
    let mut statement = state.prepare_cached("INSERT INTO todos(id, text, completed) VALUES(?1, ?2, 0)")?;
    statement.execute(params![id, text]).map(drop)
}

fn apply(state: &Connection, args: &str) -> Result<()> {
    let event: Option<TodoCreated> = serde_json::from_str(args).ok();
    event.map_or(Ok(()), |event| insert(state, &event.id, &event.text))
}

/// Inserts a todo in a transaction of its own.
///
/// # Errors
/// SQLite's.
pub fn insert_alone(state: &Connection, number: u64) -> Result<()> {
    begin(state)?;
    insert(state, &id(number), TEXT)?;
    end(state)
}

fn read(row: &rusqlite::Row<'_>) -> Result<Todo> {
    Ok(Todo { id: row.get(0)?, text: row.get(1)?, completed: row.get(2)?, deleted_at: row.get(3)? })
}

/// The fifty first open todos.
///
/// # Errors
/// SQLite's.
pub fn first_page(state: &Connection) -> Result<Vec<Todo>> {
    let sql = "SELECT id, text, completed, deleted_at FROM todos WHERE completed = ?1 ORDER BY id LIMIT ?2";
    state.prepare_cached(sql)?.query_map(params![false, 50], read)?.collect()
}

/// All todos.
///
/// # Errors
/// SQLite's.
pub fn all(state: &Connection) -> Result<Vec<Todo>> {
    state.prepare_cached("SELECT id, text, completed, deleted_at FROM todos")?.query_map([], read)?.collect()
}
