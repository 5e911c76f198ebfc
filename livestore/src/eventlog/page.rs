//! Reading and writing rows of the log.

use super::format::LogHead;
use crate::error::StorageError;
use crate::event::{CommitGroup, EncodedEvent, SequenceNumber};
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::sqlite::Db;
use rusqlite::params;
use std::borrow::Cow;

/// Which events of the log are wanted; an empty list means all.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogFilter {
    /// Exclusive.
    pub(crate) since: Option<SequenceNumber>,
    /// Inclusive.
    pub(crate) until: Option<SequenceNumber>,
    pub(crate) names: Vec<String>,
    pub(crate) client_ids: Vec<String>,
    pub(crate) session_ids: Vec<String>,
}

/// One event of the log with its place and number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogRow {
    pub(crate) place: u64,
    pub(crate) number: SequenceNumber,
    pub(crate) id: EventId,
    pub(crate) event: EncodedEvent,
    pub(crate) client_id: ClientId,
    pub(crate) session_id: SessionId,
    rest: u64,
}

const COLUMNS: &str = "place, global, client, id, name, args, client_only, client_id, session_id, rest";

pub(crate) fn head(db: &Db) -> Result<LogHead, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM events ORDER BY place DESC LIMIT 1");
    let last = db.rows(&sql, [], read_row)?.pop();
    Ok(last.map_or_else(LogHead::default, |row| LogHead { place: row.place, number: row.number }))
}

/// Inserts the group after `head` and gives back the new head.
pub(crate) fn insert(db: &Db, mut head: LogHead, group: &CommitGroup) -> Result<LogHead, StorageError> {
    for (index, event) in group.events.iter().enumerate() {
        head = LogHead { place: head.place + 1, number: head.number.next(event.client_only) };
        db.run(
            "INSERT INTO events VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                head.place as i64,
                head.number.global as i64,
                head.number.client as i64,
                group.event_id(index).as_bytes(),
                event.name,
                event.args,
                event.client_only,
                group.client_id.as_str(),
                group.session_id.as_str(),
                (group.events.len() - index - 1) as i64,
            ],
        )?;
    }
    Ok(head)
}

pub(crate) fn groups_after(db: &Db, place: u64, events_max: usize) -> Result<Vec<CommitGroup>, StorageError> {
    // One group may be longer than the page: read far enough to end the group that the page begins with.
    let limit = events_max.max(1) + CommitGroup::EVENTS_MAX;
    let sql = format!("SELECT {COLUMNS} FROM events WHERE place > ?1 ORDER BY place LIMIT ?2");
    let rows = db.rows(&sql, params![place as i64, limit as i64], read_row)?;
    let mut groups: Vec<CommitGroup> = Vec::new();
    let mut is_open = false;
    for (taken, row) in rows.into_iter().enumerate() {
        if !is_open && taken >= events_max.max(1) {
            break;
        }
        let is_last = row.rest == 0;
        match groups.last_mut() {
            Some(group) if is_open => group.events.push(row.event),
            _ => groups.push(start_group(row)),
        }
        is_open = !is_last;
    }
    Ok(groups)
}

fn start_group(row: LogRow) -> CommitGroup {
    let (nonce, ordinal) = row.id.parts();
    CommitGroup { nonce, ordinal, client_id: row.client_id, session_id: row.session_id, events: vec![row.event] }
}

pub(crate) fn rows_after(db: &Db, place: u64, filter: &LogFilter, limit: usize) -> Result<Vec<LogRow>, StorageError> {
    let mut sql = format!("SELECT {COLUMNS} FROM events WHERE place > ?");
    let mut binds: Vec<rusqlite::types::Value> = vec![(place as i64).into()];
    let mut number = |clause: &str, number: Option<SequenceNumber>| {
        let Some(number) = number else { return };
        sql.push_str(clause);
        binds.extend([(number.global as i64).into(), (number.client as i64).into()]);
    };
    number(" AND (global, client) > (?, ?)", filter.since);
    number(" AND (global, client) <= (?, ?)", filter.until);
    let mut one_of = |column: &str, values: &[String]| {
        if values.is_empty() {
            return;
        }
        let marks = vec!["?"; values.len()].join(", ");
        sql.push_str(&format!(" AND {column} IN ({marks})"));
        binds.extend(values.iter().map(|value| value.clone().into()));
    };
    one_of("name", &filter.names);
    one_of("client_id", &filter.client_ids);
    one_of("session_id", &filter.session_ids);
    sql.push_str(" ORDER BY place LIMIT ?");
    binds.push((limit as i64).into());
    db.rows(&sql, rusqlite::params_from_iter(binds), read_row)
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<LogRow> {
    Ok(LogRow {
        place: row.get::<_, i64>(0)? as u64,
        number: SequenceNumber {
            global: row.get::<_, i64>(1)? as u64,
            client: row.get::<_, i64>(2)? as u64,
            rebase_generation: 0,
        },
        id: EventId::from_bytes(row.get(3)?),
        event: EncodedEvent {
            name: Cow::Owned(row.get(4)?),
            args: row.get::<_, Option<Box<str>>>(5)?,
            client_only: row.get(6)?,
        },
        client_id: ClientId::from_stored(row.get_ref(7)?.as_str()?),
        session_id: SessionId::from_stored(row.get_ref(8)?.as_str()?),
        rest: row.get::<_, i64>(9)? as u64,
    })
}

impl EventId {
    /// The journal's nonce and the ordinal that the id was made of.
    fn parts(self) -> (JournalNonce, u64) {
        let mut nonce = [0; 11];
        nonce.copy_from_slice(&self.as_bytes()[..11]);
        let mut ordinal = [0; 8];
        ordinal[3..].copy_from_slice(&self.as_bytes()[11..]);
        (JournalNonce(nonce), u64::from_be_bytes(ordinal))
    }
}
