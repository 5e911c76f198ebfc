//! A client's eventlog, read from a copy of it.

use crate::dump;
use crate::history::{App, Logged, Model};
use crate::scratch::Scratch;
use livestore::{EventId, Store};

/// A row of an eventlog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logline {
    /// The number that backends order by.
    pub global: u64,
    /// The id of the event as its session knows it.
    pub id: EventId,
    /// The wire name.
    pub name: String,
    /// The args.
    pub args: Option<String>,
    /// Whether it stays with its client.
    pub client_only: bool,
    /// The client that committed it.
    pub client_id: String,
    /// The session that committed it.
    pub session_id: String,
    /// How many events of its group follow.
    pub rest: u64,
}

/// What a client holds.
#[derive(Clone, Debug)]
pub struct Logs {
    /// Confirmed, in order.
    pub events: Vec<Logline>,
    /// Not confirmed yet.
    pub pending: Vec<Logline>,
    /// Refused by the backend.
    pub rejected: Vec<Logline>,
}

impl Logs {
    /// Reads them from a copy.
    ///
    /// # Panics
    /// It cannot be made or read.
    #[must_use]
    pub fn of(store: &Store<App>) -> Self {
        let folder = Scratch::new("logs");
        let path = folder.path().join("copy.db");
        store.export_eventlog(&path).expect("the eventlog can be copied");
        let db = dump::open(&path);
        let read = |table: &str| {
            let sql = format!(
                "SELECT global, coalesce(was, id), name, args, client_only, client_id, session_id, rest FROM {table} ORDER BY place"
            );
            let mut statement = db.prepare(&sql).expect("it reads");
            let rows = statement.query_map([], logline).expect("it reads");
            rows.collect::<Result<Vec<_>, _>>().expect("it reads")
        };
        Self { events: read("events"), pending: read("pending"), rejected: read("rejected") }
    }

    /// What plain Rust makes of the confirmed events.
    #[must_use]
    pub fn model(&self) -> Model {
        let (mut model, mut group) = (Model::default(), Vec::new());
        for line in &self.events {
            group.push(Logged { name: line.name.clone(), args: line.args.clone() });
            if line.rest == 0 {
                model.apply(&group);
                group.clear();
            }
        }
        model
    }
}

fn logline(row: &rusqlite::Row<'_>) -> rusqlite::Result<Logline> {
    let id: [u8; 16] = row.get(1)?;
    let text: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Logline {
        global: row.get::<_, i64>(0)? as u64,
        id: text.parse().expect("32 digits are an id"),
        name: row.get(2)?,
        args: row.get(3)?,
        client_only: row.get(4)?,
        client_id: row.get(5)?,
        session_id: row.get(6)?,
        rest: row.get::<_, i64>(7)? as u64,
    })
}

/// The id of an event some places after another of its session.
///
/// # Panics
/// Never.
#[must_use]
pub fn id_after(first: EventId, places: usize) -> EventId {
    let id = u128::from_be_bytes(*first.as_bytes()) + places as u128;
    format!("{id:032x}").parse().expect("32 digits are an id")
}
