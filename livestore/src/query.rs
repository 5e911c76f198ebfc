//! Typed queries and writes: an untyped statement under a thin typed builder.

mod arg;
mod assign;
mod column;
mod compare;
mod expr;
mod insert;
mod join;
mod predicate;
mod raw;
mod rows;
mod select;
mod selection;
mod statement;
mod sum;
mod table;
mod text;
mod write;

pub use arg::ColumnArg;
pub use assign::{Assign, AssignArg, Assigns};
pub use column::Column;
pub use insert::{Conflict, Insert, InsertWith, NewRow, Upsert};
pub use join::{Join, LeftJoin};
pub use predicate::{Expression, Order, Orders, Predicate, count};
pub use raw::{FromRow, Param, Params, RawQuery, RawWrite, sql_query, sql_write};
pub use rows::{First, One, Rows};
pub use select::{Query, Source};
pub use selection::{Of, Selection};
pub use sum::Summable;
pub use table::Table;
pub use text::TextColumn;
pub use write::{Delete, Returning, Update};

use crate::error::QueryError;
use crate::schema::StateAccess;
use crate::value::SqlValue;

/// A statement that reads, with the type of what it gives back.
///
/// Implemented by the query builder, raw SQL and document reads.
pub trait Select {
    /// What running it gives.
    type Output;

    /// The SQL text and the values bound to it.
    ///
    /// # Errors
    /// The builder holds a value or a combination that no SQL expresses.
    fn to_sql(&self) -> Result<Sql, QueryError>;

    /// Runs it.
    ///
    /// # Errors
    /// The statement is refused or fails, or a row does not decode.
    fn run(&self, state: &dyn StateAccess) -> Result<Self::Output, QueryError>;
}

impl<Q: Select> Select for &Q {
    type Output = Q::Output;

    fn to_sql(&self) -> Result<Sql, QueryError> {
        (**self).to_sql()
    }

    fn run(&self, state: &dyn StateAccess) -> Result<Self::Output, QueryError> {
        (**self).run(state)
    }
}

/// SQL text and the values bound to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// The values, in the order of the `?` marks.
    pub binds: Vec<SqlValue>,
}
