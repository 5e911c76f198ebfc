//! Tries the CHECKs of a schema on an empty database: they are text, which the compiler cannot read.

use super::{Db, Place};
use crate::error::SchemaError;
use crate::schema::{SchemaDef, create_statements, tables};

/// In a CHECK these are SQLite's to judge: it refuses `'now'` and local time there, and the rest is deterministic.
const OF_TIME: &[&str] = &["date", "datetime", "julianday", "strftime", "time", "timediff", "unixepoch"];

/// Says which table SQLite refuses, and why.
pub(crate) fn try_checks(schema: &SchemaDef) -> Result<(), SchemaError> {
    let has_check = tables(schema)
        .any(|table| !table.checks.is_empty() || table.columns.iter().any(|column| column.check.is_some()));
    if !has_check {
        return Ok(());
    }
    let fail = |message: String| Err(SchemaError { schema: schema.name.to_owned(), message });
    // Without memory for an empty database, opening the store is about to fail by itself.
    let Ok(db) = Db::open(Place::Memory, Default::default()) else { return Ok(()) };
    for statement in create_statements(schema) {
        if let Err(error) = db.batch(&statement) {
            return fail(format!("{}: `{statement}`", error.message));
        }
        if let Some(function) = db.not_deterministic().filter(|function| !OF_TIME.contains(&&**function)) {
            return fail(format!("a check calls the function `{function}`, which is not deterministic: `{statement}`"));
        }
    }
    Ok(())
}
