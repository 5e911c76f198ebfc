use super::expr::Expr;
use super::selection::{Of, Selection};
use super::statement::Writer;
use super::{Column, ColumnArg, Expression, Predicate, Sql, Table};
use crate::error::{QueryError, Result};
use crate::schema::{IntoWrites, StateAccess, TableDef, WriteQuery, WriteStatement, Writes, quoted};
use crate::value::{ColumnValue, SqlValue};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A column and the value it is to get.
#[derive(Clone, Debug, PartialEq)]
#[doc(hidden)]
pub struct Assignment {
    column: &'static str,
    value: Expr,
}

/// One column with its new value: `t.text.to("milk")`.
pub struct Assign<T> {
    assignment: Assignment,
    table: PhantomData<fn() -> T>,
}

impl<T: Table, V: ColumnValue> Column<T, V> {
    /// Gives the column this value, in an insert or an update.
    #[must_use]
    pub fn to(&self, value: impl AssignArg<V>) -> Assign<T> {
        let value = value.into_assigned(self.is_iso8601());
        Assign { assignment: Assignment { column: self.name(), value }, table: PhantomData }
    }
}

/// What a column can be set to: all that it can be compared with, and expressions of its own table.
#[diagnostic::on_unimplemented(message = "a `{V}` column cannot take a `{Self}`", label = "not a `{V}`")]
pub trait AssignArg<V> {
    #[doc(hidden)]
    fn into_assigned(self, is_iso8601: bool) -> Expr;
}

#[diagnostic::do_not_recommend]
impl<V, A: ColumnArg<V>> AssignArg<V> for A {
    fn into_assigned(self, is_iso8601: bool) -> Expr {
        self.into_expr(is_iso8601)
    }
}

#[diagnostic::do_not_recommend]
impl<T, V> ColumnArg<V> for Expression<T, V> {
    fn into_expr(self, _: bool) -> Expr {
        self.expr
    }
}

/// What `insert_with` and an upsert take: one assignment or a tuple of up to eight.
pub trait Assigns<T> {
    #[doc(hidden)]
    fn into_assigns(self) -> Vec<Assignment>;
}

impl<T> Assigns<T> for Assign<T> {
    fn into_assigns(self) -> Vec<Assignment> {
        vec![self.assignment]
    }
}

impl<T> Assigns<T> for Vec<Assign<T>> {
    fn into_assigns(self) -> Vec<Assignment> {
        self.into_iter().map(|assign| assign.assignment).collect()
    }
}

macro_rules! tuple_assigns {
    ($($part:ident $index:tt)+) => {
        impl<T, $($part: Assigns<T>),+> Assigns<T> for ($($part,)+) {
            fn into_assigns(self) -> Vec<Assignment> {
                let mut assigns = Vec::new();
                $(assigns.extend(self.$index.into_assigns());)+
                assigns
            }
        }
    };
}

tuple_assigns!(A 0);
tuple_assigns!(A 0 B 1);
tuple_assigns!(A 0 B 1 C 2);
tuple_assigns!(A 0 B 1 C 2 D 3);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);

/// A write, before it is text.
trait Statement {
    fn into_sql(self) -> Result<(Cow<'static, str>, Vec<SqlValue>), QueryError>;
}

fn built(to: Writer) -> (Cow<'static, str>, Vec<SqlValue>) {
    let Sql { text, binds } = to.finish();
    (text.into(), binds)
}

/// Adds a whole row; made by [`Table::insert`].
#[derive(Clone, Debug)]
#[must_use = "a write does nothing until a materializer returns it or runs it"]
pub struct Insert<T> {
    row: T,
}

impl<T: Table> Insert<T> {
    pub(super) fn row(row: T) -> Self {
        Self { row }
    }

    /// Says what happens when a row with the same key, or the same value of these unique columns, is there already.
    pub fn on_conflict<P: Selection + Of<T>>(self, columns: impl FnOnce(&T::Columns) -> P) -> Conflict<T> {
        let columns = column_names(columns(&T::COLUMNS).into_exprs());
        Conflict { row: self.row, columns }
    }
}

fn column_names(exprs: Vec<Expr>) -> Vec<&'static str> {
    exprs
        .into_iter()
        .filter_map(|expr| match expr {
            Expr::Column { column, .. } => Some(column),
            _ => None,
        })
        .collect()
}

impl<T: Table> Statement for Insert<T> {
    fn into_sql(self) -> Result<(Cow<'static, str>, Vec<SqlValue>), QueryError> {
        Ok((Cow::Borrowed(insert_sql(T::DEF)), self.row.into_values()?))
    }
}

/// The text of a whole-row insert; made once for each table, of which a program has a fixed number.
fn insert_sql(table: &'static TableDef) -> &'static str {
    static TEXTS: OnceLock<Mutex<HashMap<usize, &'static str>>> = OnceLock::new();
    let texts = TEXTS.get_or_init(Mutex::default);
    let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    texts.entry(std::ptr::from_ref(table) as usize).or_insert_with(|| {
        let columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
        Box::leak(insert_into("INSERT", table, &columns).into_boxed_str())
    })
}

fn insert_into(verb: &str, table: &TableDef, columns: &[&str]) -> String {
    let names = columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let marks = vec!["?"; columns.len()].join(", ");
    format!("{verb} INTO {} ({names}) VALUES ({marks})", quoted(table.name))
}

/// An insert that still lacks its answer to a conflict; made by [`Insert::on_conflict`].
#[derive(Clone, Debug)]
#[must_use = "say `ignore`, `replace` or `update`"]
pub struct Conflict<T> {
    row: T,
    columns: Vec<&'static str>,
}

/// An insert with its answer to a conflict.
#[derive(Clone, Debug)]
#[must_use = "a write does nothing until a materializer returns it or runs it"]
pub struct Upsert<T> {
    row: T,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Answer {
    Ignore(Vec<&'static str>),
    Replace,
    Update(Vec<&'static str>, Vec<Assignment>),
}

impl<T: Table> Conflict<T> {
    /// The row that is there stays as it is.
    pub fn ignore(self) -> Upsert<T> {
        Upsert { row: self.row, answer: Answer::Ignore(self.columns) }
    }

    /// Every row that conflicts, in these columns or another unique one, is deleted first.
    pub fn replace(self) -> Upsert<T> {
        Upsert { row: self.row, answer: Answer::Replace }
    }

    /// The row that is there is changed: the first argument has its columns, `new` those of the row that could not be added.
    ///
    /// ```
    /// # use livestore::*;
    /// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: String, pub text: String, pub edits: i64 }
    /// # let todo = Todo { id: "a".into(), text: "milk".into(), edits: 0 };
    /// let write = todo.insert().on_conflict(|t| t.id).update(|t, new| (t.text.to(new.text), t.edits.to(t.edits.add(new.edits))));
    /// # let _ = write;
    /// ```
    pub fn update<A: Assigns<T>>(self, assigns: impl FnOnce(&T::Columns, &NewRow<T>) -> A) -> Upsert<T> {
        let assigns = assigns(&T::COLUMNS, &NewRow(T::NEW_ROW)).into_assigns();
        Upsert { row: self.row, answer: Answer::Update(self.columns, assigns) }
    }
}

/// The columns of the row that could not be added.
pub struct NewRow<T: Table>(T::Columns);

impl<T: Table> std::ops::Deref for NewRow<T> {
    type Target = T::Columns;

    fn deref(&self) -> &T::Columns {
        &self.0
    }
}

impl<T: Table> Statement for Upsert<T> {
    fn into_sql(self) -> Result<(Cow<'static, str>, Vec<SqlValue>), QueryError> {
        let columns: Vec<_> = T::DEF.columns.iter().map(|column| column.name).collect();
        let verb = if matches!(self.answer, Answer::Replace) { "INSERT OR REPLACE" } else { "INSERT" };
        let mut to = Writer::new(vec![T::DEF.name]);
        to.push(&insert_into(verb, T::DEF, &columns));
        match self.answer {
            Answer::Replace => {}
            Answer::Ignore(columns) => {
                write_target(&mut to, &columns);
                to.push(" DO NOTHING");
            }
            Answer::Update(columns, assigns) => {
                write_target(&mut to, &columns);
                to.push(" DO UPDATE SET ");
                write_assigns(&mut to, T::DEF, &assigns)?;
            }
        }
        let (text, binds) = built(to);
        let mut all = self.row.into_values()?;
        all.extend(binds);
        Ok((text, all))
    }
}

fn write_target(to: &mut Writer, columns: &[&str]) {
    let names = columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    to.push(&format!(" ON CONFLICT ({names})"));
}

fn write_assigns(to: &mut Writer, table: &TableDef, assigns: &[Assignment]) -> Result<(), QueryError> {
    if assigns.is_empty() {
        let table = table.name;
        return Err(QueryError::Builder(format!("the update of `{table}` sets no column; call `set`")));
    }
    to.list(assigns, ", ", |assign, to| {
        to.push(&format!("{} = ", quoted(assign.column)));
        assign.value.write(to)
    })
}

/// Adds a row of some columns; made by [`Table::insert_with`].
#[must_use = "a write does nothing until a materializer returns it or runs it"]
pub struct InsertWith<T> {
    assigns: Vec<Assignment>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> InsertWith<T> {
    pub(super) fn new(assigns: Vec<Assignment>) -> Self {
        Self { assigns, table: PhantomData }
    }
}

impl<T: Table> Statement for InsertWith<T> {
    fn into_sql(self) -> Result<(Cow<'static, str>, Vec<SqlValue>), QueryError> {
        let given = |name: &str| self.assigns.iter().filter(|assign| assign.column == name).count();
        for column in T::DEF.columns {
            let is_key = T::DEF.primary_key.contains(&column.name);
            let is_needed = is_key || (!column.ty.nullable && column.default.is_none());
            if given(column.name) > 1 {
                return Err(QueryError::Builder(format!(
                    "the insert into `{}` gives column `{}` twice",
                    T::DEF.name,
                    column.name
                )));
            }
            if is_needed && given(column.name) == 0 {
                let why = if is_key { "is part of the primary key" } else { "has no default and is not nullable" };
                return Err(QueryError::Builder(format!(
                    "the insert into `{}` must give column `{}`, which {why}",
                    T::DEF.name,
                    column.name
                )));
            }
        }
        let columns: Vec<_> = self.assigns.iter().map(|assign| quoted(assign.column)).collect();
        let mut to = Writer::new(vec![T::DEF.name]);
        to.push(&format!("INSERT INTO {} ({}) VALUES (", quoted(T::DEF.name), columns.join(", ")));
        to.list(&self.assigns, ", ", |assign, to| assign.value.write(to))?;
        to.push(")");
        Ok(built(to))
    }
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
                writes.push(WriteStatement { sql, binds });
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
    Assign<T> assignment;
    InsertWith<T> assigns;
    Update<T> assigns;
    Delete<T> filters;
    Returning<W, P> exprs;
}

impl<T: Table> fmt::Debug for NewRow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewRow")
    }
}
