use super::assign::Assigns;
use super::insert::{Insert, InsertWith};
use super::select::Query;
use super::write::{Delete, Update};
use crate::error::QueryError;
use crate::schema::TableDef;
use crate::value::{Row, SqlValue};
use std::fmt::Debug;

/// A state table: one struct per row. Written with [`#[table]`](macro@crate::table).
///
/// Reading starts at [`query`](Self::query). Writes belong into materializers: [`insert`](Self::insert),
/// [`insert_with`](Self::insert_with), [`update`](Self::update) and [`delete`](Self::delete) make them.
///
/// ```
/// # use livestore::*;
/// #[table("todos")]
/// pub struct Todo {
///     #[column(primary_key)]
///     pub id: i64,
///     pub text: String,
///     #[column(default = false)]
///     pub done: bool,
/// }
/// let write = Todo::insert_with(|t| (t.id.to(1), t.text.to("milk")));
/// assert_eq!(write.to_sql()?.text, r#"INSERT INTO "todos" ("id", "text") VALUES (?, ?)"#);
/// let write = Todo::update().set(|t| t.done, true).filter(|t| t.id.eq(1));
/// assert_eq!(write.to_sql()?.text, r#"UPDATE "todos" SET "done" = ? WHERE ("id" = ?)"#);
/// # Ok::<(), QueryError>(())
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is not a table", note = "write #[table(\"name\")] above the struct")]
pub trait Table: Clone + Debug + PartialEq + Send + Sync + Sized + 'static {
    /// One [`Column`](crate::Column) per field.
    type Columns: 'static;
    /// The columns.
    const COLUMNS: Self::Columns;
    /// The columns of the row that an upsert could not add: each as in [`COLUMNS`](Self::COLUMNS), with `.__of_new_row()`.
    #[doc(hidden)]
    const NEW_ROW: Self::Columns;
    /// The table's SQL name.
    const NAME: &'static str;
    /// Written by client-only events alone.
    const CLIENT_ONLY: bool;
    /// The table as data.
    const DEF: &'static TableDef;

    /// Reads a row, its columns in the order of the struct's fields.
    ///
    /// # Errors
    /// A stored value is not of the field's type.
    fn from_row(row: &Row<'_>) -> Result<Self, QueryError>;

    /// The stored values, in the order of the struct's fields.
    ///
    /// # Errors
    /// A value has no faithful stored form.
    fn into_values(self) -> Result<Vec<SqlValue>, QueryError>;

    /// A query of all rows.
    #[must_use]
    fn query() -> Query<Self, Vec<Self>> {
        Query::all()
    }

    /// A write that adds this row.
    fn insert(self) -> Insert<Self> {
        Insert::row(self)
    }

    /// A write that adds a row of some columns; the others take their default. The primary key is always among them.
    fn insert_with<A: Assigns<Self>>(columns: impl FnOnce(&Self::Columns) -> A) -> InsertWith<Self> {
        InsertWith::new(columns(&Self::COLUMNS).into_assigns())
    }

    /// A write that changes rows.
    fn update() -> Update<Self> {
        Update::new()
    }

    /// A write that removes rows.
    fn delete() -> Delete<Self> {
        Delete::new()
    }
}
