use super::expr::Expr;
use super::rows::Rows;
use super::select::{Query, SelectAst, Source};
use super::selection::Selection;
use super::{Orders, Predicate, Table};
use crate::error::QueryError;
use crate::schema::TableDef;
use crate::value::Row;
use std::marker::PhantomData;

/// Rows of two tables that belong together.
#[derive(Debug)]
pub struct Join<A, B>(PhantomData<fn() -> (A, B)>);

/// All rows of the first table, each with the rows of the second that belong to it, or with none.
#[derive(Debug)]
pub struct LeftJoin<A, B>(PhantomData<fn() -> (A, B)>);

impl<A: Table, B: Table> Source for Join<A, B> {
    type Row = (A, B);
    const TABLES: &'static [&'static TableDef] = &[A::DEF, B::DEF];

    fn decode(row: &Row<'_>) -> Result<(A, B), QueryError> {
        Ok((A::from_row(row)?, B::from_row(&row.skip(A::DEF.columns.len()))?))
    }
}

impl<A: Table, B: Table> Source for LeftJoin<A, B> {
    type Row = (A, Option<B>);
    const TABLES: &'static [&'static TableDef] = &[A::DEF, B::DEF];

    fn decode(row: &Row<'_>) -> Result<(A, Option<B>), QueryError> {
        let right = row.skip(A::DEF.columns.len());
        // A primary key is never NULL, so a row whose key is NULL is not there.
        let key = B::DEF.columns.iter().position(|column| B::DEF.primary_key.contains(&column.name));
        let is_missing = right.is_null(key.unwrap_or(0))?;
        Ok((A::from_row(row)?, if is_missing { None } else { Some(B::from_row(&right)?) }))
    }
}

impl<A: Table> Query<A, Vec<A>> {
    /// Joins a query of another table; its filters and orders come along.
    ///
    /// Closures then take the columns of both tables. Joining a table with itself needs raw SQL.
    ///
    /// ```
    /// # use livestore::*;
    /// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: i64, pub text: String, pub owner: i64 }
    /// # #[table("users")] pub struct User { #[column(primary_key)] pub id: i64, pub name: String }
    /// let by_ann = Todo::query()
    ///     .join(User::query(), |t, u| t.owner.eq(u.id))
    ///     .filter(|_, u| u.name.eq("ann"))
    ///     .select(|t, _| t.text);
    /// # assert!(by_ann.to_sql().is_ok());
    /// ```
    #[must_use]
    pub fn join<B: Table, C>(
        self,
        other: Query<B, Vec<B>>,
        on: impl FnOnce(&A::Columns, &B::Columns) -> Predicate<C>,
    ) -> Query<Join<A, B>, Vec<(A, B)>> {
        joined(self, other, "JOIN", on(&A::COLUMNS, &B::COLUMNS).expr)
    }

    /// Joins a query of another table, and keeps rows that have no partner there: `None`.
    ///
    /// A filter of the other query is a filter of the whole: it drops rows without a partner. Select a column of the other
    /// table as `u.name.nullable()`: it is `None` where there is no partner.
    ///
    /// ```
    /// # use livestore::*;
    /// # #[event("v1.Began")] pub struct Began;
    /// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: i64, pub text: String, pub owner: i64 }
    /// # #[table("users")] pub struct User { #[column(primary_key)] pub id: i64, pub name: String }
    /// # #[schema(events(Began), tables(Todo, User))] pub struct App;
    /// # #[materializers] impl App {
    /// #     fn began(_: Began) -> impl IntoWrites {
    /// #         let todos = [(1, "milk", 1), (2, "bread", 9)];
    /// #         let todos = todos.map(|(id, text, owner)| Todo { id, text: text.into(), owner }.insert());
    /// #         (User { id: 1, name: "ann".into() }.insert(), todos)
    /// #     }
    /// # }
    /// # fn main() -> Result<()> {
    /// # let store = Store::<App>::open(memory(), "todos")?;
    /// # store.commit(Began)?;
    /// let owners = Todo::query()
    ///     .left_join(User::query(), |t, u| t.owner.eq(u.id))
    ///     .order_by(|t, _| t.id.asc())
    ///     .select(|t, u| (t.text, u.name.nullable()));
    /// assert_eq!(store.query(&owners)?, [("milk".to_owned(), Some("ann".to_owned())), ("bread".to_owned(), None)]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    #[allow(clippy::type_complexity)] // the type is what a reader wants to know: the pairs that come back
    pub fn left_join<B: Table, C>(
        self,
        other: Query<B, Vec<B>>,
        on: impl FnOnce(&A::Columns, &B::Columns) -> Predicate<C>,
    ) -> Query<LeftJoin<A, B>, Vec<(A, Option<B>)>> {
        joined(self, other, "LEFT JOIN", on(&A::COLUMNS, &B::COLUMNS).expr)
    }
}

fn joined<A: Table, B: Table, S: Source>(
    left: Query<A, Vec<A>>,
    right: Query<B, Vec<B>>,
    join: &'static str,
    on: Expr,
) -> Query<S, Vec<S::Row>> {
    let shaped = [(A::DEF.name, left.ast.is_shaped()), (B::DEF.name, right.ast.is_shaped())];
    let mut query = Query::<S, Vec<S::Row>>::new(left.ast, S::decode);
    let mut refuse = |message: String| {
        query.ast.filters.push(Expr::Invalid(crate::value::ValueError::new(message).into()));
    };
    if A::DEF.name == B::DEF.name {
        refuse(format!("table `{}` cannot be joined with itself here; use `sql_query`", A::DEF.name));
    }
    for (table, _) in shaped.into_iter().filter(|(_, is_shaped)| *is_shaped) {
        refuse(format!(
            "a query of `{table}` is cut, grouped or made distinct before it is joined; do so after `join`"
        ));
    }
    query.ast.join = Some((join, on));
    query.ast.append(right.ast);
    query
}

macro_rules! joined_methods {
    ($source:ident, $may_lack_partner:literal) => {
        impl<A: Table, B: Table, O: Rows> Query<$source<A, B>, O> {
            /// Only rows for which the condition holds; several filters must all hold.
            #[must_use]
            pub fn filter<C>(mut self, condition: impl FnOnce(&A::Columns, &B::Columns) -> Predicate<C>) -> Self {
                self.ast.filters.push(condition(&A::COLUMNS, &B::COLUMNS).expr);
                self
            }

            /// The order of the rows; a later call adds a finer one.
            #[must_use]
            pub fn order_by<C, P: Orders<C>>(mut self, order: impl FnOnce(&A::Columns, &B::Columns) -> P) -> Self {
                self.add_orders(order(&A::COLUMNS, &B::COLUMNS).into_exprs());
                self
            }

            /// Only groups for which the condition on aggregates holds.
            #[must_use]
            pub fn having<C>(mut self, condition: impl FnOnce(&A::Columns, &B::Columns) -> Predicate<C>) -> Self {
                self.ast.add_having(condition(&A::COLUMNS, &B::COLUMNS).expr);
                self
            }
        }

        impl<A: Table, B: Table, R> Query<$source<A, B>, Vec<R>> {
            const MAY_LACK_PARTNER: bool = $may_lack_partner;

            /// One column, an aggregate, or a tuple of these, instead of whole rows.
            #[must_use]
            pub fn select<P: Selection>(
                mut self,
                selection: impl FnOnce(&A::Columns, &B::Columns) -> P,
            ) -> Query<$source<A, B>, Vec<P::Row>> {
                let columns = selection(&A::COLUMNS, &B::COLUMNS).into_exprs();
                if Self::MAY_LACK_PARTNER {
                    refuse_required(&mut self.ast, &columns, P::__NULLABLE, B::DEF);
                }
                self.set_columns(columns);
                Query::new(self.ast, P::decode)
            }

            /// One row for each value; then select columns and aggregates.
            #[must_use]
            pub fn group_by<P: Selection>(mut self, groups: impl FnOnce(&A::Columns, &B::Columns) -> P) -> Self {
                self.ast.set_groups(groups(&A::COLUMNS, &B::COLUMNS).into_exprs());
                self
            }
        }
    };
}

joined_methods!(Join, false);
joined_methods!(LeftJoin, true);

/// A value that is always there cannot be selected from rows that may not be: the first row without a partner would not
/// decode, and no row before it tells.
fn refuse_required(ast: &mut SelectAst, columns: &[Expr], nullable: &[bool], right: &TableDef) {
    let required = columns.iter().zip(nullable).filter(|(_, is_nullable)| !**is_nullable);
    if let Some(column) = required.filter_map(|(expr, _)| column_of(expr, right.name)).next() {
        let message = format!("column `{column}` of `{}` is missing where a left join finds no row", right.name);
        let problem = crate::value::ValueError::new(format!("{message}; select it with `.nullable()`, or use `join`"));
        ast.filters.push(Expr::Invalid(problem.into()));
    }
}

/// A column of the table that makes the expression `NULL` when it is.
fn column_of(expr: &Expr, right: &str) -> Option<&'static str> {
    if let Expr::Column { table, column } = expr {
        return (*table == right).then_some(*column);
    }
    // An aggregate has its own type for what is not there.
    let Expr::Infix(_, sides) = expr else { return None };
    sides.iter().find_map(|side| column_of(side, right))
}
