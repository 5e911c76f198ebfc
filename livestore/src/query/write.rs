use super::assign::{AssignArg, Assignment, Assigns};
use super::expr::Expr;
use super::insert::{Insert, InsertWith, Upsert};
use super::selection::{Of, Selection};
use super::statement::Writer;
use super::{Column, Predicate, Sql, Table};
use crate::error::{QueryError, Result};
use crate::schema::{IntoWrites, StateAccess, TableDef, WriteQuery, WriteStatement, Writes, quoted};
use crate::value::{ColumnValue, SqlValue};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A write, before it is text.
pub(super) trait Statement {
    fn into_sql(self) -> Result<(Cow<'static, str>, Vec<SqlValue>), QueryError>;
}

pub(super) fn built(to: Writer) -> (Cow<'static, str>, Vec<SqlValue>) {
    let Sql { text, binds } = to.finish();
    (text.into(), binds)
}

pub(super) fn write_assigns(to: &mut Writer, table: &TableDef, assigns: &[Assignment]) -> Result<(), QueryError> {
    if assigns.is_empty() {
        let table = table.name;
        return Err(QueryError::Builder(format!("the update of `{table}` sets no column; call `set`")));
    }
    to.list(assigns, ", ", |assign, to| {
        to.push(&format!("{} = ", quoted(assign.column)));
        assign.value.write(to)
    })
}

/// Changes rows; made by [`Table::update`]. Without a filter it changes all.
#[must_use = "a write does nothing until a materializer returns it or runs it"]
pub struct Update<T> {
    assigns: Vec<Assignment>,
    filters: Vec<Expr>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Update<T> {
    pub(super) fn new() -> Self {
        Self { assigns: Vec::new(), filters: Vec::new(), table: PhantomData }
    }

    /// Gives a column a value; repeat it for more columns.
    pub fn set<V: ColumnValue>(
        mut self,
        column: impl FnOnce(&T::Columns) -> Column<T, V>,
        value: impl AssignArg<V>,
    ) -> Self {
        self.assigns.push(column(&T::COLUMNS).to(value).assignment);
        self
    }

    /// Gives columns values computed from the row: `set_with(|t| t.count.to(t.count.add(1)))`.
    pub fn set_with<A: Assigns<T>>(mut self, assigns: impl FnOnce(&T::Columns) -> A) -> Self {
        self.assigns.extend(assigns(&T::COLUMNS).into_assigns());
        self
    }

    /// Only rows for which the condition holds; several filters must all hold.
    pub fn filter(mut self, condition: impl FnOnce(&T::Columns) -> Predicate<T>) -> Self {
        self.filters.push(condition(&T::COLUMNS).expr);
        self
    }
}

impl<T: Table> Statement for Update<T> {
    fn into_sql(self) -> Result<(Cow<'static, str>, Vec<SqlValue>), QueryError> {
        let mut to = Writer::new(vec![T::DEF.name]);
        to.push(&format!("UPDATE {} SET ", quoted(T::DEF.name)));
        write_assigns(&mut to, T::DEF, &self.assigns)?;
        write_filters(&mut to, &self.filters)?;
        Ok(built(to))
    }
}

/// Removes rows; made by [`Table::delete`]. Without a filter it removes all.
#[must_use = "a write does nothing until a materializer returns it or runs it"]
pub struct Delete<T> {
    filters: Vec<Expr>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Delete<T> {
    pub(super) fn new() -> Self {
        Self { filters: Vec::new(), table: PhantomData }
    }

    /// Only rows for which the condition holds; several filters must all hold.
    pub fn filter(mut self, condition: impl FnOnce(&T::Columns) -> Predicate<T>) -> Self {
        self.filters.push(condition(&T::COLUMNS).expr);
        self
    }
}

impl<T: Table> Statement for Delete<T> {
    fn into_sql(self) -> Result<(Cow<'static, str>, Vec<SqlValue>), QueryError> {
        let mut to = Writer::new(vec![T::DEF.name]);
        to.push(&format!("DELETE FROM {}", quoted(T::DEF.name)));
        write_filters(&mut to, &self.filters)?;
        Ok(built(to))
    }
}

fn write_filters(to: &mut Writer, filters: &[Expr]) -> Result<(), QueryError> {
    if filters.is_empty() {
        return Ok(());
    }
    to.push(" WHERE ");
    to.list(filters, " AND ", Expr::write)
}

/// A write that gives back the rows it wrote; made by `returning`.
#[must_use = "a write does nothing until a materializer runs it"]
pub struct Returning<W, P> {
    write: W,
    exprs: Vec<Expr>,
    table: &'static str,
    selection: PhantomData<fn() -> P>,
}

impl<W: Statement, P: Selection> WriteQuery for Returning<W, P> {
    type Output = Vec<P::Row>;

    fn run(self, state: &dyn StateAccess) -> Result<Vec<P::Row>, QueryError> {
        let (sql, mut binds) = self.write.into_sql()?;
        let mut to = Writer::new(vec![self.table]);
        to.push(&sql);
        to.push(" RETURNING ");
        to.list(&self.exprs, ", ", Expr::write)?;
        let Sql { text, binds: more } = to.finish();
        binds.extend(more);
        let mut rows = Vec::new();
        state.write(&text, &binds, &mut |row| {
            rows.push(P::decode(row)?);
            Ok(())
        })?;
        Ok(rows)
    }
}

macro_rules! write_statement {
    ($($name:ident)*) => {$(
        impl<T: Table> $name<T> {
            /// Gives back columns of the rows it wrote, when run by [`MaterializeCx::write`](crate::MaterializeCx::write).
            pub fn returning<P: Selection + Of<T>>(self, columns: impl FnOnce(&T::Columns) -> P) -> Returning<Self, P> {
                let exprs = columns(&T::COLUMNS).into_exprs();
                Returning { write: self, exprs, table: T::DEF.name, selection: PhantomData }
            }

            /// The SQL text and the values bound to it.
            ///
            /// # Errors
            /// The builder holds a value or a combination that no SQL expresses.
            pub fn to_sql(self) -> Result<Sql, QueryError> {
                let (text, binds) = self.into_sql()?;
                Ok(Sql { text: text.into_owned(), binds })
            }
        }

        impl<T: Table> WriteQuery for $name<T> {
            type Output = usize;

            fn run(self, state: &dyn StateAccess) -> Result<usize, QueryError> {
                let (sql, binds) = self.into_sql()?;
                state.write(&sql, &binds, &mut |_| Ok(()))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T: Table> IntoWrites for $name<T> {
            fn into_writes(self, writes: &mut Writes) -> Result<()> {
                let (sql, binds) = self.into_sql()?;
                writes.push_statement(WriteStatement { sql, binds });
                Ok(())
            }
        }
    )*};
}

write_statement!(Insert Upsert InsertWith Update Delete);

macro_rules! debug_write {
    ($($name:ident<$($param:ident),+> $field:ident;)*) => {$(
        impl<$($param),+> fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.$field).finish()
            }
        }
    )*};
}

debug_write! {
    Update<T> assigns;
    Delete<T> filters;
    Returning<W, P> exprs;
}
