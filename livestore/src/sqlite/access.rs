use crate::schema::StateAccess;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The columns of one table that a statement reads; the empty name stands for the rows as such (`count(*)`).
type Columns = Vec<Arc<str>>;

fn add_column(columns: &mut Columns, column: &Arc<str>) {
    if let Err(place) = columns.binary_search(column) {
        columns.insert(place, Arc::clone(column));
    }
}

/// What a statement, or a whole computation, read: tables and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReadSet {
    tables: BTreeMap<Arc<str>, Columns>,
}

impl ReadSet {
    pub(crate) fn add(&mut self, table: &str, column: &str) {
        add_column(self.tables.entry(table.into()).or_default(), &column.into());
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (table, columns) in &other.tables {
            match self.tables.get_mut(table) {
                None => {
                    self.tables.insert(Arc::clone(table), columns.clone());
                }
                Some(known) => columns.iter().for_each(|column| add_column(known, column)),
            }
        }
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(|table| &**table)
    }
}

/// What happened to the rows of one table.
#[derive(Clone, Debug, PartialEq)]
enum Written {
    /// These columns of existing rows.
    Columns(Columns),
    /// Rows came, went or were replaced.
    Rows,
}

/// What statements wrote: tables and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WriteSet {
    tables: BTreeMap<Arc<str>, Written>,
}

impl WriteSet {
    /// Rows of the table were inserted, deleted or replaced.
    pub(crate) fn add_rows(&mut self, table: &str) {
        self.tables.insert(table.into(), Written::Rows);
    }

    /// A column of existing rows was updated.
    pub(crate) fn add_column(&mut self, table: &str, column: &str) {
        match self.tables.entry(table.into()).or_insert_with(|| Written::Columns(Vec::new())) {
            Written::Rows => {}
            Written::Columns(columns) => add_column(columns, &column.into()),
        }
    }

    /// Rows of every written table may have come or gone.
    pub(crate) fn widen_to_rows(&mut self) {
        self.tables.values_mut().for_each(|written| *written = Written::Rows);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (table, written) in &other.tables {
            match (self.tables.get_mut(table), written) {
                (None, _) => {
                    self.tables.insert(Arc::clone(table), written.clone());
                }
                (Some(Written::Rows), _) => {}
                (Some(known), Written::Rows) => *known = Written::Rows,
                (Some(Written::Columns(known)), Written::Columns(columns)) => {
                    columns.iter().for_each(|column| add_column(known, column));
                }
            }
        }
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(|table| &**table)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The tables of which rows came, went or were replaced.
    pub(crate) fn tables_of_rows(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().filter(|(_, written)| **written == Written::Rows).map(|(table, _)| &**table)
    }

    /// Whether a reader of `reads` may now see something else.
    pub(crate) fn meets(&self, reads: &ReadSet) -> bool {
        self.tables.iter().any(|(table, written)| match (reads.tables.get(table), written) {
            (None, _) => false,
            (Some(_), Written::Rows) => true,
            (Some(read), Written::Columns(columns)) => read.iter().any(|column| columns.binary_search(column).is_ok()),
        })
    }
}

/// A state that can tell what a computation read.
pub(crate) trait TrackedState: StateAccess {
    /// Runs the computation and gives back the union of what its statements read. Calls nest: an inner call's reads
    /// are not added to the outer one.
    fn track(&self, computation: &mut dyn FnMut()) -> ReadSet;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_meets_readers_of_its_columns_only() {
        let mut reads = ReadSet::default();
        reads.add("todos", "text");
        let mut counts = ReadSet::default();
        counts.add("todos", "");
        let mut update = WriteSet::default();
        update.add_column("todos", "completed");
        assert!(!update.meets(&reads) && !update.meets(&counts));
        update.add_column("todos", "text");
        assert!(update.meets(&reads) && !update.meets(&counts));
        update.add_rows("todos");
        assert!(update.meets(&reads) && update.meets(&counts));
    }
}
