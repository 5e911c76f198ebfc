//! Reading and writing rows of the log.

use super::format::LogHead;
use crate::error::{StorageError, StorageKind};
use crate::event::{CommitGroup, EncodedEvent, SequenceNumber};
use crate::ids::{ClientId, EventId, SessionId};
use crate::sqlite::{Db, Repeated};
use rusqlite::params;
use std::borrow::Cow;
use std::path::Path;

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

impl LogFilter {
    /// Whether nothing is left out between two events that match.
    fn takes_all(&self) -> bool {
        self.since.is_none() && self.names.is_empty() && self.client_ids.is_empty() && self.session_ids.is_empty()
    }
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
    was: Option<EventId>,
}

pub(super) const COLUMNS: &str =
    "place, global, client, id, name, args, client_only, client_id, session_id, rest, sum, was";

pub(crate) fn head(db: &Db) -> Result<LogHead, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM events ORDER BY place DESC LIMIT 1");
    let last = read_rows(db, &sql, [])?.pop();
    Ok(last.map_or_else(LogHead::default, |row| LogHead { place: row.place, number: row.number }))
}

/// Inserts an event; see [`insert`].
pub(crate) const INSERT: &str = "INSERT INTO events VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// The same for the tables of groups that have no number.
pub(super) fn insert_into(table: &str) -> String {
    format!("INSERT INTO {table} VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")
}

/// Inserts a group without numbers, after a count of events; gives back the new count.
pub(super) fn insert_unnumbered(
    statement: &mut Repeated<'_>,
    seq: u64,
    group: &CommitGroup,
) -> Result<u64, StorageError> {
    let head = insert_with(statement, LogHead { place: seq, number: SequenceNumber::ROOT }, group, |number, _| number)?;
    Ok(head.place)
}

/// Inserts the group after `head` and gives back the new head.
pub(crate) fn insert(
    statement: &mut Repeated<'_>,
    head: LogHead,
    group: &CommitGroup,
) -> Result<LogHead, StorageError> {
    insert_with(statement, head, group, SequenceNumber::next)
}

fn insert_with(
    statement: &mut Repeated<'_>,
    mut head: LogHead,
    group: &CommitGroup,
    next: impl Fn(SequenceNumber, bool) -> SequenceNumber,
) -> Result<LogHead, StorageError> {
    for (index, event) in group.events.iter().enumerate() {
        head = LogHead { place: head.place + 1, number: next(head.number, event.client_only) };
        let rest = (group.events.len() - index - 1) as u64;
        let id = group.event_id(index);
        let origin = (group.client_id.as_str(), group.session_id.as_str());
        let sum = checksum(head, &id, event, origin, rest, group.was.as_ref());
        statement.run(params![
            head.place as i64,
            head.number.global as i64,
            head.number.client as i64,
            id.as_bytes(),
            event.name,
            event.args,
            event.client_only,
            group.client_id.as_str(),
            group.session_id.as_str(),
            rest as i64,
            sum,
            group.was.as_ref().map(EventId::as_bytes),
        ])?;
    }
    Ok(head)
}

/// CRC-32C over everything that a row says.
pub(super) fn checksum(
    head: LogHead,
    id: &EventId,
    event: &EncodedEvent,
    (client_id, session_id): (&str, &str),
    rest: u64,
    was: Option<&EventId>,
) -> u32 {
    let texts = [Some(&*event.name), event.args.as_deref(), Some(client_id), Some(session_id)];
    // Absent args are not empty args, and no text runs into the next.
    let [name, args, client, session] = texts.map(|text| text.map_or(u64::MAX, |text| text.len() as u64));
    let event_is = u64::from(event.client_only);
    let numbers = [head.place, head.number.global, head.number.client, rest, event_is, name, args, client, session];
    // In one piece: a checksum over a few bytes costs as much as one over many.
    let mut fixed = [0; 9 * 8 + 16];
    for (bytes, number) in fixed.chunks_exact_mut(8).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    fixed[9 * 8..].copy_from_slice(id.as_bytes());
    let sum = crc32c::crc32c(&fixed);
    let sum = was.map_or(sum, |was| crc32c::crc32c_append(sum, was.as_bytes()));
    texts.into_iter().flatten().fold(sum, |sum, text| crc32c::crc32c_append(sum, text.as_bytes()))
}

pub(super) fn damaged(db: &Db, message: String) -> StorageError {
    StorageError { kind: StorageKind::Damaged, path: db.path().map(Path::to_owned), message }
}

/// All rows after a place, with none missing between.
fn check_gapless(db: &Db, place: u64, rows: &[LogRow]) -> Result<(), StorageError> {
    match rows.iter().zip(place + 1..).find(|(row, expected)| row.place != *expected) {
        None => Ok(()),
        Some((_, missing)) => Err(damaged(db, format!("the event at place {missing} is missing"))),
    }
}

/// Commit groups without holes: what is read of one is never joined with another.
fn check_groups(db: &Db, rows: &[LogRow]) -> Result<(), StorageError> {
    let goes_on = |last: &LogRow, row: &LogRow| row.place == last.place + 1 && row.rest + 1 == last.rest;
    let hole = rows.windows(2).find(|pair| pair[0].rest > 0 && !goes_on(&pair[0], &pair[1]));
    hole.map_or(Ok(()), |pair| {
        Err(damaged(db, format!("the event at place {} is missing, of a commit group", pair[0].place + 1)))
    })
}

/// Runs a reading statement; a row that does not read as one of ours, or not as it was written, is damage.
pub(super) fn read_rows(db: &Db, sql: &str, binds: impl rusqlite::Params) -> Result<Vec<LogRow>, StorageError> {
    let mut origin = None;
    let rows = db.rows(sql, binds, |row| Ok(read_row(row, &mut origin).unwrap_or(None)))?;
    rows.into_iter().map(|row| row.ok_or_else(|| damaged(db, "an event is not what was written".into()))).collect()
}

/// Whole groups, each with the place and number of its last event.
pub(crate) fn groups_after(
    db: &Db,
    head: LogHead,
    place: u64,
    events_max: usize,
) -> Result<Vec<(CommitGroup, LogHead)>, StorageError> {
    // One group may be longer than the page: read far enough to end the group that the page begins with.
    let limit = events_max.max(1) + CommitGroup::EVENTS_MAX;
    let sql = format!("SELECT {COLUMNS} FROM events WHERE place > ?1 ORDER BY place LIMIT ?2");
    let rows = read_rows(db, &sql, params![place as i64, limit as i64])?;
    check_gapless(db, place, &rows)?;
    check_groups(db, &rows)?;
    if rows.is_empty() && place < head.place {
        return Err(damaged(db, format!("the event at place {} is missing", place + 1)));
    }
    let last = rows.last().map(|row| row.place);
    let groups = group_rows(rows, events_max);
    match last.filter(|_| groups.is_empty()) {
        None => Ok(groups),
        Some(last) => Err(damaged(db, format!("the event at place {} is missing, of a commit group", last + 1))),
    }
}

/// Rows of a table of groups without numbers, after a count of events.
pub(super) fn unnumbered_after(db: &Db, table: &str, seq: u64, limit: usize) -> Result<Vec<LogRow>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM {table} WHERE place > ?1 ORDER BY place LIMIT ?2");
    let rows = read_rows(db, &sql, params![seq as i64, limit as i64])?;
    // Of the pending part groups leave in any order; the log itself has no gaps.
    if table == "events" {
        check_gapless(db, seq, &rows)?;
    }
    check_groups(db, &rows)?;
    Ok(rows)
}

/// Whole groups, each with the place and number of its last event, until so many events are reached.
pub(super) fn group_rows(rows: Vec<LogRow>, events_max: usize) -> Vec<(CommitGroup, LogHead)> {
    let mut groups: Vec<(CommitGroup, LogHead)> = Vec::new();
    let mut is_open = false;
    for (taken, row) in rows.into_iter().enumerate() {
        if !is_open && taken >= events_max.max(1) {
            break;
        }
        let is_last = row.rest == 0;
        let at = LogHead { place: row.place, number: row.number };
        match groups.last_mut() {
            Some((group, last)) if is_open => {
                join_group(group, row);
                *last = at;
            }
            _ => groups.push((start_group(row), at)),
        }
        is_open = !is_last;
    }
    if is_open {
        groups.pop(); // Cut by the limit of the rows, which lies a whole group behind what was asked for.
    }
    groups
}

fn start_group(row: LogRow) -> CommitGroup {
    let LogRow { id, event, client_id, session_id, was, .. } = row;
    CommitGroup { was, ..CommitGroup::new(id.parts(), client_id, session_id, vec![event]) }
}

/// Adds the next event of the group.
fn join_group(group: &mut CommitGroup, row: LogRow) {
    let offset = row.id.parts().1.saturating_sub(group.ordinal) as u32;
    group.push(row.event, offset);
}

pub(crate) fn rows_after(db: &Db, place: u64, filter: &LogFilter, limit: usize) -> Result<Vec<LogRow>, StorageError> {
    let mut sql = format!("SELECT {COLUMNS} FROM events WHERE place > ?");
    let mut binds: Vec<rusqlite::types::Value> = vec![(place as i64).into()];
    let mut number = |clause: &str, number: Option<SequenceNumber>| {
        let Some(number) = number else { return };
        sql.push_str(clause);
        // No event has a larger number than SQLite counts.
        let bind = |part: u64| i64::try_from(part).unwrap_or(i64::MAX).into();
        binds.extend([bind(number.global), bind(number.client)]);
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
    let rows = read_rows(db, &sql, rusqlite::params_from_iter(binds))?;
    if filter.takes_all() {
        check_gapless(db, place, &rows)?;
    }
    Ok(rows)
}

/// Who committed the row before: most rows come from the same session, and share its names.
type Origin = Option<(ClientId, SessionId)>;

fn origin(previous: &mut Origin, client_id: &str, session_id: &str) -> (ClientId, SessionId) {
    match previous {
        Some((client, session)) if client.as_str() == client_id && session.as_str() == session_id => {
            (client.clone(), session.clone())
        }
        _ => previous.insert((ClientId::from_stored(client_id), SessionId::from_stored(session_id))).clone(),
    }
}

/// `None` where the checksum does not hold.
fn read_row(row: &rusqlite::Row<'_>, previous: &mut Origin) -> rusqlite::Result<Option<LogRow>> {
    let (client_id, session_id) = origin(previous, row.get_ref(7)?.as_str()?, row.get_ref(8)?.as_str()?);
    let read = LogRow {
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
        client_id,
        session_id,
        rest: row.get::<_, i64>(9)? as u64,
        was: row.get::<_, Option<[u8; 16]>>(11)?.map(EventId::from_bytes),
    };
    let head = LogHead { place: read.place, number: read.number };
    let origin = (read.client_id.as_str(), read.session_id.as_str());
    let sum = checksum(head, &read.id, &read.event, origin, read.rest, read.was.as_ref());
    Ok((sum == row.get::<_, u32>(10)?).then_some(read))
}
