//! What a schema must hold to and the compiler cannot see: names are checked as SQLite compares them.

use super::SchemaDef;
use super::ddl::tables;
use crate::error::SchemaError;
use std::collections::BTreeMap;

/// Checks a schema before a store is opened with it.
pub(crate) fn check(schema: &SchemaDef) -> Result<(), SchemaError> {
    let fail = |message: String| Err(SchemaError { schema: schema.name.to_owned(), message });
    if let Some(name) = first_double(schema.events.iter().map(|entry| entry.def.name.to_owned())) {
        return fail(format!("two events have the wire name `{name}`; rename one"));
    }
    if let Some(name) = first_double(tables(schema).map(|table| table.name.to_ascii_lowercase())) {
        return fail(format!("two tables are named `{name}` (SQLite folds case); rename one"));
    }
    for table in tables(schema) {
        let lower = table.name.to_ascii_lowercase();
        if lower.starts_with("livestore") || lower.starts_with("sqlite_") {
            return fail(format!("table `{}` has a reserved prefix; rename it", table.name));
        }
        if let Some(name) = first_double(table.columns.iter().map(|column| column.name.to_ascii_lowercase())) {
            return fail(format!("table `{}` has two columns named `{name}` (SQLite folds case)", table.name));
        }
        if table.primary_key.is_empty() {
            return fail(format!("table `{}` has no primary key", table.name));
        }
        for column in table.columns {
            let Some(target) = &column.references else { continue };
            let Some(other) = tables(schema).find(|other| other.name == target.table) else {
                return fail(format!(
                    "column `{}` of table `{}` refers to table `{}`, which is not in the schema; list it",
                    column.name, table.name, target.table
                ));
            };
            if other.client_only != table.client_only {
                return fail(format!(
                    "the foreign key `{}` of table `{}` crosses between synced and client-only tables",
                    column.name, table.name
                ));
            }
            let is_key = other.primary_key == [target.column];
            if !is_key && !other.columns.iter().any(|column| column.name == target.column && column.unique) {
                return fail(format!(
                    "column `{}` of table `{}` refers to `{}.{}`, which is neither its primary key nor unique",
                    column.name, table.name, target.table, target.column
                ));
            }
        }
    }
    Ok(())
}

fn first_double(names: impl Iterator<Item = String>) -> Option<String> {
    let mut seen = BTreeMap::new();
    for name in names {
        *seen.entry(name).or_insert(0) += 1;
    }
    seen.into_iter().find(|(_, count)| *count > 1).map(|(name, _)| name)
}
