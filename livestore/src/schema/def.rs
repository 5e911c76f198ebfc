use crate::event::EventDef;
use crate::value::ColumnType;

/// A schema as data.
#[derive(Debug)]
pub struct SchemaDef {
    /// The name of the schema's type.
    pub name: &'static str,
    /// The events, in the order of the list; the documents' set events last.
    pub events: &'static [EventEntry],
    /// The tables, in the order of the list.
    pub tables: &'static [&'static TableDef],
    /// The client documents.
    pub documents: &'static [&'static DocumentDef],
}

/// An event in a schema, with the version of its materializer there.
#[derive(Debug)]
pub struct EventEntry {
    /// The event.
    pub def: &'static EventDef,
    /// Changes when the materializer's behaviour may have changed; see [`Materialize::VERSION`](super::Materialize::VERSION).
    pub materializer_version: u64,
}

/// A client document: the table that holds it and the event that sets it.
#[derive(Debug)]
pub struct DocumentDef {
    /// The table of `id` and JSON `value`.
    pub table: &'static TableDef,
    /// The derived, client-only event.
    pub set_event: &'static EventDef,
}

/// A state table.
#[derive(Debug)]
pub struct TableDef {
    /// The table's SQL name.
    pub name: &'static str,
    /// The columns, in the order of the struct's fields.
    pub columns: &'static [ColumnDef],
    /// The SQL names of the primary key's columns; never empty.
    pub primary_key: &'static [&'static str],
    /// Indexes over several columns; single-column ones stand at their column.
    pub indexes: &'static [IndexDef],
    /// CHECK expressions over the whole row.
    pub checks: &'static [&'static str],
    /// Written by client-only events alone.
    pub client_only: bool,
}

/// A column of a state table.
#[derive(Debug)]
pub struct ColumnDef {
    /// The column's SQL name.
    pub name: &'static str,
    /// Storage class and nullability.
    pub ty: ColumnType,
    /// The constant used when an insert leaves the column out.
    pub default: Option<ConstValue>,
    /// Has an index of its own.
    pub indexed: bool,
    /// Has a unique index of its own.
    pub unique: bool,
    /// Refers to a column of another table.
    pub references: Option<ReferenceDef>,
    /// A CHECK expression.
    pub check: Option<&'static str>,
}

impl ColumnDef {
    /// A column of this name and type, and nothing more.
    #[must_use]
    pub const fn new(name: &'static str, ty: ColumnType) -> Self {
        Self { name, ty, default: None, indexed: false, unique: false, references: None, check: None }
    }

    /// With a constant for inserts that leave the column out.
    #[must_use]
    pub const fn with_default(mut self, value: ConstValue) -> Self {
        self.default = Some(value);
        self
    }

    /// With an index of its own.
    #[must_use]
    pub const fn with_index(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// With a unique index of its own.
    #[must_use]
    pub const fn with_unique_index(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Referring to a column of another table.
    #[must_use]
    pub const fn with_reference(mut self, target: ReferenceDef) -> Self {
        self.references = Some(target);
        self
    }

    /// With a CHECK expression.
    #[must_use]
    pub const fn with_check(mut self, check: &'static str) -> Self {
        self.check = Some(check);
        self
    }
}

/// A constant in DDL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConstValue {
    /// `NULL`
    Null,
    /// An integer or a boolean.
    Integer(i64),
    /// A float.
    Real(f64),
    /// Text.
    Text(&'static str),
    /// Bytes.
    Blob(&'static [u8]),
}

/// An index over several columns.
#[derive(Debug)]
pub struct IndexDef {
    /// The columns' SQL names.
    pub columns: &'static [&'static str],
    /// Whether two rows may not agree on all of them.
    pub unique: bool,
}

/// The target of a foreign key.
#[derive(Debug)]
pub struct ReferenceDef {
    /// The table's SQL name.
    pub table: &'static str,
    /// The column's SQL name.
    pub column: &'static str,
    /// What happens to the row when its target is deleted.
    pub on_delete: ForeignKeyAction,
    /// Whether the target table is client-only.
    pub client_only: bool,
}

/// What happens to a row when the row it refers to is deleted. Checked at each statement, never deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKeyAction {
    /// The delete fails.
    Restrict,
    /// The row is deleted too.
    Cascade,
    /// The column becomes `NULL`.
    SetNull,
}
