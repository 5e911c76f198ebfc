//! Table definitions as SQL text. Everything comes from the compiled schema; identifiers are quoted by [`quoted`].

use super::{ColumnDef, ConstValue, ForeignKeyAction, SchemaDef, TableDef};
use crate::value::SqlType;

/// An identifier in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_list(names: &[&str]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// All tables of the schema, documents included, in the order of the lists.
pub(crate) fn tables(schema: &SchemaDef) -> impl Iterator<Item = &'static TableDef> {
    let (tables, documents) = (schema.tables, schema.documents);
    tables.iter().copied().chain(documents.iter().map(|document| document.table))
}

/// The statements that create an empty state.
pub(crate) fn create_statements(schema: &SchemaDef) -> Vec<String> {
    tables(schema).flat_map(|table| std::iter::once(create_table(table)).chain(create_indexes(table))).collect()
}

fn create_table(table: &TableDef) -> String {
    let mut parts: Vec<String> = table.columns.iter().map(column_sql).collect();
    // One INTEGER column named here is the rowid just as if it were declared at the column.
    parts.push(format!("PRIMARY KEY ({})", quoted_list(table.primary_key)));
    parts.extend(table.checks.iter().map(|check| format!("CHECK ({check})")));
    // A rowid that nobody declared would be visible to unordered scans, and differ between clients.
    let without_rowid = if is_rowid(table) { "" } else { ", WITHOUT ROWID" };
    format!("CREATE TABLE {} ({}) STRICT{without_rowid}", quoted(table.name), parts.join(", "))
}

/// Whether the key is one INTEGER column, which then is the rowid.
fn is_rowid(table: &TableDef) -> bool {
    let [key] = table.primary_key else { return false };
    table.columns.iter().any(|column| column.name == *key && column.ty.sql == SqlType::Integer)
}

fn column_sql(column: &ColumnDef) -> String {
    let mut sql = format!("{} {}", quoted(column.name), column.ty.sql.keyword());
    if !column.ty.nullable {
        sql.push_str(" NOT NULL");
    }
    if let Some(default) = column.default {
        sql.push_str(&format!(" DEFAULT {}", constant(default)));
    }
    if let Some(check) = column.check {
        sql.push_str(&format!(" CHECK ({check})"));
    }
    if let Some(target) = &column.references {
        let action = match target.on_delete {
            ForeignKeyAction::Restrict => "RESTRICT",
            ForeignKeyAction::Cascade => "CASCADE",
            ForeignKeyAction::SetNull => "SET NULL",
        };
        sql.push_str(&format!(" REFERENCES {} ({}) ON DELETE {action}", quoted(target.table), quoted(target.column)));
    }
    sql
}

fn constant(value: ConstValue) -> String {
    match value {
        ConstValue::Null => "NULL".to_owned(),
        ConstValue::Integer(integer) => integer.to_string(),
        // `{:?}` prints the shortest text that reads back as the same float, always with a point or an exponent.
        ConstValue::Real(real) => format!("{real:?}"),
        // SQL text ends at a NUL, even one in a string.
        ConstValue::Text(text) if text.contains('\0') => format!("(CAST({} AS TEXT))", hex(text.as_bytes())),
        ConstValue::Text(text) => format!("'{}'", text.replace('\'', "''")),
        ConstValue::Blob(bytes) => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("x'{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn create_indexes(table: &TableDef) -> Vec<String> {
    let single = table.columns.iter().flat_map(|column| {
        let plain = column.indexed.then(|| index(table, &[column.name], false));
        let unique = column.unique.then(|| index(table, &[column.name], true));
        plain.into_iter().chain(unique)
    });
    let several = table.indexes.iter().map(|def| index(table, def.columns, def.unique));
    single.chain(several).collect()
}

fn index(table: &TableDef, columns: &[&str], unique: bool) -> String {
    let kind = if unique { "unique" } else { "index" };
    let name = format!("livestore {kind} {} ({})", table.name, columns.join(", "));
    let keyword = if unique { "UNIQUE INDEX" } else { "INDEX" };
    format!("CREATE {keyword} {} ON {} ({})", quoted(&name), quoted(table.name), quoted_list(columns))
}
