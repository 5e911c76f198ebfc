//! What generated code calls, so that expansions stay short.

use crate::document::{ClientDocument, DocumentEvent};
use crate::error::{EncodeError, Result};
use crate::event::Event;
use crate::ids::SessionId;
use crate::schema::{MaterializeCx, TableDef, Writes};
use crate::value::{ColumnType, SqlType, SqlValue, ValueError, ValueRef};

pub fn materialize_document<D: ClientDocument>(event: D::Set, cx: &MaterializeCx<'_>) -> Result<Writes> {
    crate::document::materialize_document::<D>(event, cx)
}

pub fn encode_document<E: Event + DocumentEvent>(
    event: &E,
    session: &SessionId,
) -> Result<Option<Box<str>>, EncodeError> {
    crate::document::encode_document(event, session)
}

/// Where the name stands in the list.
pub fn position(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|candidate| *candidate == name)
}

/// Whether no earlier name in the list is the same. Marks first: they make a long list cheap to check.
pub const fn is_first(names: &[&str], index: usize) -> bool {
    let mark = name_mark(names[index]);
    let mut earlier = 0;
    while earlier < index {
        if name_mark(names[earlier]) == mark && is_same(names[earlier], names[index]) {
            return false;
        }
        earlier += 1;
    }
    true
}

/// The same for the names of tables, of which SQLite folds the case.
pub const fn is_first_table(tables: &[&TableDef], index: usize) -> bool {
    let mut earlier = 0;
    while earlier < index {
        if tables[earlier].name.eq_ignore_ascii_case(tables[index].name) {
            return false;
        }
        earlier += 1;
    }
    true
}

/// Whether every table that this one refers to is in the list.
pub const fn lists_targets(tables: &[&TableDef], index: usize) -> bool {
    let columns = tables[index].columns;
    let mut column = 0;
    while column < columns.len() {
        if let Some(target) = &columns[column].references
            && !has_table(tables, target.table)
        {
            return false;
        }
        column += 1;
    }
    true
}

const fn has_table(tables: &[&TableDef], name: &str) -> bool {
    let mut index = 0;
    while index < tables.len() {
        if is_same(tables[index].name, name) {
            return true;
        }
        index += 1;
    }
    false
}

/// Whether a foreign key may refer to the column: it is the primary key, or has a unique index.
pub const fn is_key(table: &TableDef, name: &str) -> bool {
    let mut index = 0;
    while index < table.columns.len() {
        if table.columns[index].unique && is_same(table.columns[index].name, name) {
            return true;
        }
        index += 1;
    }
    matches!(table.primary_key, [key] if is_same(key, name))
}

/// Length and two characters: enough to tell most names apart, at the same cost for every name.
const fn name_mark(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let len = bytes.len();
    let (middle, last) = if len == 0 { (0, 0) } else { (bytes[len / 2], bytes[len - 1]) };
    ((len as u64) << 16) | ((middle as u64) << 8) | last as u64
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

pub fn iso8601(value: SqlValue) -> Result<SqlValue, ValueError> {
    value.into_iso8601()
}

pub const fn text(ty: ColumnType) -> ColumnType {
    ColumnType { sql: SqlType::Text, nullable: ty.nullable }
}

pub fn enum_text<'a>(value: ValueRef<'a>, name: &str, expected: &str) -> Result<&'a str, ValueError> {
    match value {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| not_a_variant(value, name, expected)),
        _ => Err(not_a_variant(value, name, expected)),
    }
}

pub fn unknown_variant<T>(value: ValueRef<'_>, name: &str, expected: &str) -> Result<T, ValueError> {
    Err(not_a_variant(value, name, expected))
}

fn not_a_variant(value: ValueRef<'_>, name: &str, expected: &str) -> ValueError {
    ValueError::unexpected(&format!("a `{name}` (one of {expected})"), value)
}
