use super::rows::{First, One, Rows};
use super::{Select, Sql};
use crate::error::{QueryError, Result};
use crate::schema::{IntoWrites, StateAccess, WriteQuery, WriteStatement, Writes};
use crate::value::{ColumnValue, Row, SqlValue, ValueError};
use std::fmt;

/// A row of raw SQL as a Rust value: a tuple by position, or a struct with `#[derive(FromRow)]` by name.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: i64, pub text: String }
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: i64, pub text: String }
/// # #[schema(events(Added), tables(Todo))] pub struct App;
/// # #[materializers] impl App {
/// #     fn added(Added { id, text }: Added) -> impl IntoWrites { Todo { id, text }.insert() }
/// # }
/// # fn main() -> Result<()> {
/// # let store = Store::<App>::open(memory(), "todos")?;
/// # store.commit([Added { id: 1, text: "milk".into() }, Added { id: 2, text: "bread".into() }])?;
/// #[derive(FromRow)]
/// struct Length {
///     text: String,
///     #[column(name = "length of it")]
///     length: i64,
/// }
/// let sql = "SELECT text, length(text) AS \"length of it\" FROM todos ORDER BY id";
/// let lengths = store.query(&sql_query::<Length>(sql, ()))?;
/// assert_eq!((lengths[1].text.as_str(), lengths[1].length), ("bread", 5));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "a row cannot be read as `{Self}`",
    note = "rows are read as tuples of column values, or as structs with #[derive(FromRow)]"
)]
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// A column is missing, or its value is of another type.
    fn from_row(row: &Row<'_>) -> Result<Self, QueryError>;
}

/// The values of a raw statement, in the order of its `?` marks: a tuple, an array or a `Vec`; `()` for none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of SQL values",
    note = "pass a tuple such as `(id, 5)`, an array or a `Vec` of column values, or `()`"
)]
pub trait Params {
    /// The values.
    ///
    /// # Errors
    /// A value has no faithful stored form.
    fn into_binds(self) -> Result<Vec<SqlValue>, ValueError>;
}

/// Raw SQL that reads. Its tables and columns are found by SQLite itself, so it is as live as a built query.
///
/// ```
/// # use livestore::*;
/// let longest = sql_query::<(String, i64)>(
///     "SELECT text, length(text) FROM todos WHERE completed = ? ORDER BY 2 DESC, id LIMIT 3",
///     (false,),
/// );
/// # let _ = longest;
/// ```
#[must_use]
pub fn sql_query<R: FromRow>(sql: impl Into<String>, params: impl Params) -> RawQuery<Vec<R>> {
    RawQuery { sql: sql.into(), binds: params.into_binds(), decode: R::from_row }
}

/// Made by [`sql_query`].
pub struct RawQuery<O: Rows> {
    sql: String,
    binds: Result<Vec<SqlValue>, ValueError>,
    decode: fn(&Row<'_>) -> Result<O::Row, QueryError>,
}

impl<R> RawQuery<Vec<R>> {
    /// The first row, or `None`. The statement is run as it is: give it a `LIMIT` of its own where it may be long.
    #[must_use]
    pub fn first(self) -> RawQuery<First<R>> {
        RawQuery { sql: self.sql, binds: self.binds, decode: self.decode }
    }

    /// Exactly one row; none, or more, is an error.
    #[must_use]
    pub fn one(self) -> RawQuery<One<R>> {
        RawQuery { sql: self.sql, binds: self.binds, decode: self.decode }
    }
}

impl<O: Rows> Select for RawQuery<O> {
    type Output = O::Output;

    fn to_sql(&self) -> Result<Sql, QueryError> {
        Ok(Sql { text: self.sql.clone(), binds: self.binds.clone()? })
    }

    fn run(&self, state: &dyn StateAccess) -> Result<O::Output, QueryError> {
        O::collect(state, &self.to_sql()?, self.decode)
    }
}

impl<O: Rows> Clone for RawQuery<O> {
    fn clone(&self) -> Self {
        Self { sql: self.sql.clone(), binds: self.binds.clone(), decode: self.decode }
    }
}

impl<O: Rows> fmt::Debug for RawQuery<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawQuery").field(&self.sql).finish()
    }
}

/// Raw SQL that writes, for a materializer: returned, or run by [`MaterializeCx::write`](crate::MaterializeCx::write).
///
/// Values are bound, never part of the text. The statement must be deterministic and keep to the tables that the event may
/// write; both are checked when it runs.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.AllDone")] pub struct AllDone { pub list: i64 }
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: i64, pub list: i64, pub done: bool }
/// # #[schema(events(AllDone), tables(Todo))] pub struct App;
/// #[materializers]
/// impl App {
///     fn all_done(AllDone { list }: AllDone) -> impl IntoWrites {
///         sql_write("UPDATE todos SET done = 1 WHERE list = ?", (list,))
///     }
/// }
/// # fn main() -> Result<()> { Store::<App>::open(memory(), "todos")?.commit(AllDone { list: 1 }).map(drop)?; Ok(()) }
/// ```
#[must_use]
pub fn sql_write(sql: impl Into<String>, params: impl Params) -> RawWrite {
    RawWrite { sql: sql.into(), binds: params.into_binds() }
}

/// Made by [`sql_write`].
#[derive(Clone, Debug)]
pub struct RawWrite {
    sql: String,
    binds: Result<Vec<SqlValue>, ValueError>,
}

impl WriteQuery for RawWrite {
    type Output = usize;

    fn run(self, state: &dyn StateAccess) -> Result<usize, QueryError> {
        state.write(&self.sql, &self.binds?, &mut |_| Ok(()))
    }
}

#[diagnostic::do_not_recommend]
impl IntoWrites for RawWrite {
    fn into_writes(self, writes: &mut Writes) -> Result<()> {
        writes.push_statement(WriteStatement { sql: self.sql.into(), binds: self.binds? });
        Ok(())
    }
}

impl Params for () {
    fn into_binds(self) -> Result<Vec<SqlValue>, ValueError> {
        Ok(Vec::new())
    }
}

impl<V: Param, const N: usize> Params for [V; N] {
    fn into_binds(self) -> Result<Vec<SqlValue>, ValueError> {
        self.into_iter().map(Param::into_bind).collect()
    }
}

impl<V: Param> Params for Vec<V> {
    fn into_binds(self) -> Result<Vec<SqlValue>, ValueError> {
        self.into_iter().map(Param::into_bind).collect()
    }
}

/// One value of a list: any column value, borrowed text, or a [`SqlValue`] where another builder made the statement.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be bound to a statement")]
pub trait Param {
    #[doc(hidden)]
    fn into_bind(self) -> Result<SqlValue, ValueError>;
}

impl<V: ColumnValue> Param for V {
    fn into_bind(self) -> Result<SqlValue, ValueError> {
        self.into_value()
    }
}

impl Param for SqlValue {
    fn into_bind(self) -> Result<SqlValue, ValueError> {
        Ok(self)
    }
}

impl Param for &str {
    fn into_bind(self) -> Result<SqlValue, ValueError> {
        Ok(SqlValue::Text(self.to_owned()))
    }
}

impl Param for &String {
    fn into_bind(self) -> Result<SqlValue, ValueError> {
        Ok(SqlValue::Text(self.clone()))
    }
}

macro_rules! tuple_row {
    ($($part:ident $index:tt)+) => {
        impl<$($part: ColumnValue),+> FromRow for ($($part,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self, QueryError> {
                Ok(($(row.get::<$part>($index)?,)+))
            }
        }

        impl<$($part: Param),+> Params for ($($part,)+) {
            fn into_binds(self) -> Result<Vec<SqlValue>, ValueError> {
                Ok(vec![$(self.$index.into_bind()?),+])
            }
        }
    };
}

tuple_row!(A 0);
tuple_row!(A 0 B 1);
tuple_row!(A 0 B 1 C 2);
tuple_row!(A 0 B 1 C 2 D 3);
tuple_row!(A 0 B 1 C 2 D 3 E 4);
tuple_row!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_row!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_row!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuple_row!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuple_row!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
