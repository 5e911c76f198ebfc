use super::expr::Expr;
use super::rows::{First, One, Rows};
use super::selection::{Of, Selection};
use super::statement::Writer;
use super::{Expression, Orders, Predicate, Select, Sql, Table, count};
use crate::error::QueryError;
use crate::schema::{StateAccess, quoted};
use crate::value::Row;
use std::fmt;
use std::marker::PhantomData;

/// What a query reads from: a table, or a join of two.
pub trait Source {
    /// One row of it.
    type Row;

    #[doc(hidden)]
    const TABLES: &'static [&'static crate::schema::TableDef];

    #[doc(hidden)]
    fn decode(row: &Row<'_>) -> Result<Self::Row, QueryError>;
}

impl<T: Table> Source for T {
    type Row = T;
    const TABLES: &'static [&'static crate::schema::TableDef] = &[T::DEF];

    fn decode(row: &Row<'_>) -> Result<T, QueryError> {
        T::from_row(row)
    }
}

/// The untyped statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SelectAst {
    /// Empty: all columns of the source.
    columns: Vec<Expr>,
    pub(super) filters: Vec<Expr>,
    groups: Vec<Expr>,
    having: Vec<Expr>,
    orders: Vec<Expr>,
    limit: Option<u32>,
    offset: Option<u32>,
    is_distinct: bool,
    is_exists: bool,
    /// The statement is counted as a whole: its limit, groups or distinctness decide what there is to count.
    is_counted: bool,
    /// `JOIN` or `LEFT JOIN`, and its condition.
    pub(super) join: Option<(&'static str, Expr)>,
}

/// A query that reads: built by method chains from [`Table::query`], run by a store, a live query or a materializer.
///
/// `S` is what it reads from, `O` what it gives back; filters and orders keep both, so they can be added in an `if`.
///
/// ```
/// # use livestore::*;
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: String, pub text: String, pub completed: bool }
/// # let search = "milk";
/// let mut todos = Todo::query().filter(|t| t.completed.eq(false));
/// if !search.is_empty() {
///     todos = todos.filter(|t| t.text.like(format!("%{search}%")));
/// }
/// let texts = todos.order_by(|t| t.text.asc()).limit(10).select(|t| t.text);
/// assert_eq!(
///     texts.to_sql()?.text,
///     r#"SELECT "text" FROM "todos" WHERE ("completed" = ?) AND ("text" LIKE ?) ORDER BY "text" ASC, "id" LIMIT ?"#
/// );
/// # Ok::<(), livestore::QueryError>(())
/// ```
pub struct Query<S, O: Rows> {
    pub(super) ast: SelectAst,
    decode: fn(&Row<'_>) -> Result<O::Row, QueryError>,
    source: PhantomData<fn() -> S>,
}

impl<S: Source> Query<S, Vec<S::Row>> {
    pub(super) fn all() -> Self {
        Self::new(SelectAst::default(), S::decode)
    }
}

impl<S, O: Rows> Query<S, O> {
    pub(super) fn new(ast: SelectAst, decode: fn(&Row<'_>) -> Result<O::Row, QueryError>) -> Self {
        Self { ast, decode, source: PhantomData }
    }
}

impl<S: Source, R> Query<S, Vec<R>> {
    /// At most this many rows. Without an order, rows come in the order of the primary key; with one, the primary key
    /// decides between rows that are equal in it.
    #[must_use]
    pub fn limit(mut self, rows: u32) -> Self {
        self.ast.limit = Some(rows);
        self
    }

    /// Without the first rows; ordered as with [`limit`](Self::limit).
    #[must_use]
    pub fn offset(mut self, rows: u32) -> Self {
        self.ast.offset = Some(rows);
        self
    }

    /// Equal rows once.
    #[must_use]
    pub fn distinct(mut self) -> Self {
        self.ast.is_distinct = true;
        self
    }

    /// The first row, or `None`. Without an order, that of the least primary key.
    #[must_use]
    pub fn first(mut self) -> Query<S, First<R>> {
        self.ast.limit = Some(self.ast.limit.map_or(1, |limit| limit.min(1)));
        Query::new(self.ast, self.decode)
    }

    /// Exactly one row; none, or more, is an error.
    #[must_use]
    pub fn one(mut self) -> Query<S, One<R>> {
        // Two are enough to know that it is not one.
        self.ast.limit = Some(self.ast.limit.map_or(2, |limit| limit.min(2)));
        Query::new(self.ast, self.decode)
    }

    /// How many rows there are.
    #[must_use]
    pub fn count(mut self) -> Query<S, One<i64>> {
        self.ast.orders.clear();
        let is_plain = self.ast.groups.is_empty() && !self.ast.is_distinct && self.ast.limit.is_none();
        if is_plain && self.ast.offset.is_none() {
            self.ast.columns = vec![count::<S>().expr];
            return Query::new(self.ast, |row| row.get(0));
        }
        self.ast.is_counted = true;
        Query::new(self.ast, |row| row.get(0))
    }

    /// Whether there is any row.
    #[must_use]
    pub fn exists(mut self) -> Query<S, One<bool>> {
        self.ast.orders.clear();
        self.ast.is_exists = true;
        Query::new(self.ast, |row| row.get(0))
    }
}

impl<T: Table, O: Rows> Query<T, O> {
    /// Only rows for which the condition holds; several filters must all hold. Combine conditions with
    /// [`Predicate::and`], [`Predicate::or`] and [`Predicate::not`]; a `bool` column is `t.completed.eq(true)`.
    #[must_use]
    pub fn filter(mut self, condition: impl FnOnce(&T::Columns) -> Predicate<T>) -> Self {
        self.ast.filters.push(condition(&T::COLUMNS).expr);
        self
    }

    /// The order of the rows; a later call adds a finer one.
    #[must_use]
    pub fn order_by<P: Orders<T>>(mut self, order: impl FnOnce(&T::Columns) -> P) -> Self {
        self.ast.orders.extend(order(&T::COLUMNS).into_exprs());
        self
    }

    /// Only groups for which the condition on aggregates holds.
    #[must_use]
    pub fn having(mut self, condition: impl FnOnce(&T::Columns) -> Predicate<T>) -> Self {
        self.ast.having.push(condition(&T::COLUMNS).expr);
        self
    }
}

impl<T: Table, R> Query<T, Vec<R>> {
    /// One column, an aggregate, or a tuple of these, instead of whole rows.
    #[must_use]
    pub fn select<P: Selection + Of<T>>(mut self, selection: impl FnOnce(&T::Columns) -> P) -> Query<T, Vec<P::Row>> {
        self.ast.columns = selection(&T::COLUMNS).into_exprs();
        Query::new(self.ast, P::decode)
    }

    /// One row for each value of the column, or of each combination in a tuple; then select columns and aggregates.
    #[must_use]
    pub fn group_by<P: Selection + Of<T>>(mut self, groups: impl FnOnce(&T::Columns) -> P) -> Self {
        self.ast.groups = groups(&T::COLUMNS).into_exprs();
        self
    }

    /// One value over all rows: `aggregate(|t| t.amount.sum())`.
    #[must_use]
    pub fn aggregate<V: crate::value::ColumnValue>(
        mut self,
        value: impl FnOnce(&T::Columns) -> Expression<T, V>,
    ) -> Query<T, One<V>> {
        self.ast.orders.clear();
        self.ast.columns = vec![value(&T::COLUMNS).expr];
        Query::new(self.ast, |row| row.get(0))
    }
}

impl<S: Source, O: Rows> Query<S, O> {
    pub(super) fn set_columns(&mut self, columns: Vec<Expr>) {
        self.ast.columns = columns;
    }

    pub(super) fn add_orders(&mut self, orders: Vec<Expr>) {
        self.ast.orders.extend(orders);
    }
}

impl<S: Source, O: Rows> Select for Query<S, O> {
    type Output = O::Output;

    fn to_sql(&self) -> Result<Sql, QueryError> {
        let names = S::TABLES.iter().map(|table| table.name).collect();
        let mut to = Writer::new(names);
        self.ast.write::<S>(&mut to)?;
        Ok(to.finish())
    }

    fn run(&self, state: &dyn StateAccess) -> Result<O::Output, QueryError> {
        O::collect(state, &self.to_sql()?, self.decode)
    }
}

impl SelectAst {
    /// Takes in the filters and orders of a joined query.
    pub(super) fn append(&mut self, other: Self) {
        self.filters.extend(other.filters);
        self.orders.extend(other.orders);
    }

    /// Whether more was said than which rows, and in what order.
    pub(super) fn is_shaped(&self) -> bool {
        self.limit.is_some() || self.offset.is_some() || self.is_distinct || !self.groups.is_empty()
    }

    pub(super) fn add_having(&mut self, condition: Expr) {
        self.having.push(condition);
    }

    pub(super) fn set_groups(&mut self, groups: Vec<Expr>) {
        self.groups = groups;
    }

    fn write<S: Source>(&self, to: &mut Writer) -> Result<(), QueryError> {
        if self.is_counted {
            let inner = Self { is_counted: false, ..self.clone() };
            to.push("SELECT count(*) FROM (");
            inner.write::<S>(to)?;
            to.push(")");
            return Ok(());
        }
        if self.is_exists {
            let inner = Self { is_exists: false, ..self.clone() };
            to.push("SELECT EXISTS (");
            inner.write::<S>(to)?;
            to.push(")");
            return Ok(());
        }
        to.push(if self.is_distinct { "SELECT DISTINCT " } else { "SELECT " });
        self.write_columns::<S>(to)?;
        to.push(" FROM ");
        to.push(&quoted(S::TABLES[0].name));
        if let Some((join, on)) = &self.join {
            to.push(&format!(" {join} {} ON ", quoted(S::TABLES[1].name)));
            on.write(to)?;
        }
        write_all(" WHERE ", &self.filters, " AND ", to)?;
        write_all(" GROUP BY ", &self.groups, ", ", to)?;
        write_all(" HAVING ", &self.having, " AND ", to)?;
        self.write_order::<S>(to)?;
        self.write_window(to);
        Ok(())
    }

    fn write_columns<S: Source>(&self, to: &mut Writer) -> Result<(), QueryError> {
        if !self.columns.is_empty() {
            return to.list(&self.columns, ", ", Expr::write);
        }
        let all: Vec<_> =
            S::TABLES.iter().flat_map(|table| table.columns.iter().map(|column| (table.name, column.name))).collect();
        to.list(&all, ", ", |(table, column), to| to.column(table, column))
    }

    /// What is cut must be cut at the same place on every client: a key ends the order. Groups have the values that they
    /// are groups of; distinct rows, all that is selected; other rows, their primary key.
    fn write_order<S: Source>(&self, to: &mut Writer) -> Result<(), QueryError> {
        write_all(" ORDER BY ", &self.orders, ", ", to)?;
        let is_cut = self.limit.is_some() || self.offset.is_some();
        let is_one_row = self.groups.is_empty() && self.columns.iter().any(is_aggregate);
        if !is_cut || is_one_row {
            return Ok(());
        }
        to.push(if self.orders.is_empty() { " ORDER BY " } else { ", " });
        if self.is_distinct && !self.columns.is_empty() {
            return to.list(&self.columns, ", ", Expr::write);
        }
        if !self.groups.is_empty() {
            return to.list(&self.groups, ", ", Expr::write);
        }
        let key: Vec<_> =
            S::TABLES.iter().flat_map(|table| table.primary_key.iter().map(|column| (table.name, *column))).collect();
        to.list(&key, ", ", |(table, column), to| to.column(table, column))
    }

    fn write_window(&self, to: &mut Writer) {
        use crate::value::SqlValue::Integer;
        match (self.limit, self.offset) {
            (None, None) => return,
            (Some(limit), _) => {
                to.push(" LIMIT ");
                to.bind(Integer(i64::from(limit)));
            }
            // SQLite has no offset without a limit; a negative one is no limit.
            (None, Some(_)) => to.push(" LIMIT -1"),
        }
        if let Some(offset) = self.offset {
            to.push(" OFFSET ");
            to.bind(Integer(i64::from(offset)));
        }
    }
}

fn is_aggregate(expr: &Expr) -> bool {
    matches!(expr, Expr::CountAll | Expr::Call("count" | "sum" | "avg" | "min" | "max", _))
}

fn write_all(before: &str, exprs: &[Expr], between: &str, to: &mut Writer) -> Result<(), QueryError> {
    if exprs.is_empty() {
        return Ok(());
    }
    to.push(before);
    to.list(exprs, between, Expr::write)
}

impl<S, O: Rows> Clone for Query<S, O> {
    fn clone(&self) -> Self {
        Self::new(self.ast.clone(), self.decode)
    }
}

impl<S, O: Rows> fmt::Debug for Query<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&self.ast).finish()
    }
}
