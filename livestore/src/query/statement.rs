//! The text of a statement, while it is written.

use super::Sql;
use crate::error::QueryError;
use crate::schema::quoted;
use crate::value::SqlValue;

/// Collects text and binds. Knows which tables the statement is about, so that a column of another one is an error here and
/// not a riddle from SQLite.
#[derive(Debug)]
pub(super) struct Writer {
    text: String,
    binds: Vec<SqlValue>,
    tables: Vec<&'static str>,
}

impl Writer {
    pub(super) fn new(tables: Vec<&'static str>) -> Self {
        Self { text: String::with_capacity(128), binds: Vec::new(), tables }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn bind(&mut self, value: SqlValue) {
        self.text.push('?');
        self.binds.push(value);
    }

    /// A column, with its table's name where there are several tables.
    pub(super) fn column(&mut self, table: &str, column: &str) -> Result<(), QueryError> {
        if self.tables.len() > 1 {
            return self.qualified_column(table, column);
        }
        self.check(table, column)?;
        self.push(&quoted(column));
        Ok(())
    }

    /// A column with its table's name.
    pub(super) fn qualified_column(&mut self, table: &str, column: &str) -> Result<(), QueryError> {
        self.check(table, column)?;
        self.push(&format!("{}.{}", quoted(table), quoted(column)));
        Ok(())
    }

    /// That the column is of a table of this statement.
    pub(super) fn check(&self, table: &str, column: &str) -> Result<(), QueryError> {
        if self.tables.contains(&table) {
            return Ok(());
        }
        let tables = self.tables.join("` and `");
        Err(QueryError::Builder(format!(
            "column `{column}` of table `{table}` is used in a statement about `{tables}`"
        )))
    }

    pub(super) fn list<I>(
        &mut self,
        items: &[I],
        between: &str,
        write: impl Fn(&I, &mut Self) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(between);
            }
            write(item, self)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Sql {
        Sql { text: self.text, binds: self.binds }
    }
}
