use super::Table;
use super::assign::{Assignment, Assigns};
use super::expr::Expr;
use super::selection::{Of, Selection};
use super::statement::Writer;
use super::write::{Statement, built, write_assigns};
use crate::error::QueryError;
use crate::schema::{TableDef, quoted};
use crate::value::SqlValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, OnceLock, PoisonError};

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

impl<T: Table> fmt::Debug for NewRow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewRow")
    }
}

impl<T> fmt::Debug for InsertWith<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InsertWith").field(&self.assigns).finish()
    }
}
