use super::ColumnValue;
use crate::error::QueryError;

/// One row of a result, read column by column from the left.
///
/// Made by the library; [`Table::from_row`](crate::Table::from_row) and [`FromRow`](crate::FromRow) take it.
pub struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    offset: usize,
}

impl<'a> Row<'a> {
    pub(crate) fn new(row: &'a rusqlite::Row<'a>) -> Self {
        Self { row, offset: 0 }
    }

    /// The same row, with its first `count` columns left out: the second table of a join.
    #[must_use]
    pub fn skip(&self, count: usize) -> Self {
        Self { row: self.row, offset: self.offset + count }
    }

    /// The value of the column at `index`, counted from 0.
    ///
    /// # Errors
    /// There is no such column, or its value is not a `V`; the message names the column.
    #[inline]
    pub fn get<V: ColumnValue>(&self, index: usize) -> Result<V, QueryError> {
        let value = self.row.get_ref(self.offset + index).map_err(|_| self.missing(index))?;
        V::from_value(value).map_err(|source| self.mismatch(index, source))
    }

    /// Whether the column at `index` is `NULL`.
    pub(crate) fn is_null(&self, index: usize) -> Result<bool, QueryError> {
        let value = self.row.get_ref(self.offset + index).map_err(|_| self.missing(index))?;
        Ok(value == super::ValueRef::Null)
    }

    /// The value of the column with this name.
    ///
    /// # Errors
    /// There is no such column, or its value is not a `V`; the message names the column.
    pub fn get_named<V: ColumnValue>(&self, name: &str) -> Result<V, QueryError> {
        let index = self.row.as_ref().column_index(name).map_err(|_| QueryError::Decode {
            column: name.to_owned(),
            source: super::ValueError::new("the statement has no column of this name"),
        })?;
        self.get(index - self.offset)
    }

    #[cold]
    fn missing(&self, index: usize) -> QueryError {
        QueryError::Decode {
            column: format!("{}", self.offset + index + 1),
            source: super::ValueError::new("the statement returns fewer columns"),
        }
    }

    #[cold]
    fn mismatch(&self, index: usize, source: super::ValueError) -> QueryError {
        let column = self.row.as_ref().column_name(self.offset + index).unwrap_or("?").to_owned();
        QueryError::Decode { column, source }
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("offset", &self.offset).finish_non_exhaustive()
    }
}
