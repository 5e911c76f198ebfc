use super::statement::Writer;
use super::{Column, Table};
use crate::error::QueryError;
use crate::schema::quoted;
use crate::value::{ColumnValue, Json, SqlValue};
use std::fmt;
use std::marker::PhantomData;

/// An untyped SQL expression. Text in it comes from the library and the compiled schema only; values are bound.
#[derive(Clone, Debug, PartialEq)]
#[doc(hidden)]
pub enum Expr {
    Column {
        table: &'static str,
        column: &'static str,
    },
    /// A column of the row that an upsert could not add.
    Excluded {
        table: &'static str,
        column: &'static str,
    },
    Value(SqlValue),
    Invalid(ValueProblem),
    /// The operands with this between them.
    Infix(&'static str, Box<[Self; 2]>),
    /// The operand with this behind it.
    Postfix(Box<Self>, &'static str),
    Not(Box<Self>),
    Call(&'static str, Vec<Self>),
    CountAll,
    In(Box<Self>, Vec<Self>),
    JsonContains(Box<[Self; 2]>),
    Constant(&'static str),
}

/// A value that could not be encoded; told when the statement runs.
#[derive(Clone, Debug, PartialEq)]
#[doc(hidden)]
pub struct ValueProblem(crate::value::ValueError);

impl From<crate::value::ValueError> for ValueProblem {
    fn from(error: crate::value::ValueError) -> Self {
        Self(error)
    }
}

impl Expr {
    fn infix(self, operator: &'static str, other: Self) -> Self {
        Self::Infix(operator, Box::new([self, other]))
    }

    pub(super) fn write(&self, to: &mut Writer) -> Result<(), QueryError> {
        match self {
            Self::Column { table, column } => to.column(table, column)?,
            Self::Excluded { table, column } => {
                to.check(table, column)?;
                to.push(&format!("excluded.{}", quoted(column)));
            }
            Self::Value(value) => to.bind(value.clone()),
            Self::Invalid(problem) => return Err(problem.0.clone().into()),
            Self::Infix(operator, sides) => {
                to.push("(");
                sides[0].write(to)?;
                to.push(&format!(" {operator} "));
                sides[1].write(to)?;
                to.push(")");
            }
            Self::Postfix(inner, text) => {
                inner.write(to)?;
                to.push(text);
            }
            Self::Not(inner) => {
                to.push("NOT (");
                inner.write(to)?;
                to.push(")");
            }
            Self::Call(function, args) => {
                to.push(function);
                to.push("(");
                to.list(args, ", ", Self::write)?;
                to.push(")");
            }
            Self::CountAll => to.push("count(*)"),
            Self::In(inner, values) => {
                inner.write(to)?;
                to.push(" IN (");
                to.list(values, ", ", Self::write)?;
                to.push(")");
            }
            Self::JsonContains(sides) => {
                to.push("EXISTS (SELECT 1 FROM json_each(");
                match &sides[0] {
                    // `json_each` has columns of its own, such as `id` and `value`: they would win over ours.
                    Self::Column { table, column } => to.qualified_column(table, column)?,
                    other => other.write(to)?,
                }
                to.push(") WHERE json_each.value = ");
                sides[1].write(to)?;
                to.push(")");
            }
            Self::Constant(text) => to.push(text),
        }
        Ok(())
    }
}

/// A condition on rows of `T`.
pub struct Predicate<T> {
    pub(super) expr: Expr,
    table: PhantomData<fn() -> T>,
}

impl<T> Predicate<T> {
    fn new(expr: Expr) -> Self {
        Self { expr, table: PhantomData }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(self.expr.infix("AND", other.expr))
    }

    /// At least one holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::new(self.expr.infix("OR", other.expr))
    }

    /// The same condition as one on a join, to be combined with one on the other table:
    /// `t.title.eq("x").across().or(u.name.eq("x"))`.
    #[must_use]
    pub fn across<U>(self) -> Predicate<U> {
        Predicate::new(self.expr)
    }

    /// It does not hold. Where `NULL` is compared, neither a condition nor its opposite holds.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "SQL's word, beside `and` and `or`; `!` would read worse in a chain"
    )]
    pub fn not(self) -> Self {
        Self::new(Expr::Not(Box::new(self.expr)))
    }
}

/// A value computed from rows of `T`: an aggregate, or a column with something done to it.
pub struct Expression<T, V> {
    pub(super) expr: Expr,
    types: PhantomData<fn() -> (T, V)>,
}

impl<T, V> Expression<T, V> {
    pub(super) fn new(expr: Expr) -> Self {
        Self { expr, types: PhantomData }
    }
}

impl<T, V: ColumnValue> Expression<T, V> {
    fn compare(self, operator: &'static str, value: V) -> Predicate<T> {
        Predicate::new(self.expr.infix(operator, super::arg::value(value, false)))
    }

    /// The value equals this one. `None` equals nothing, as SQL has it.
    #[must_use]
    pub fn eq(self, value: V) -> Predicate<T> {
        self.compare("=", value)
    }

    /// The value is another one.
    #[must_use]
    pub fn ne(self, value: V) -> Predicate<T> {
        self.compare("<>", value)
    }

    /// The value is less.
    #[must_use]
    pub fn lt(self, value: V) -> Predicate<T> {
        self.compare("<", value)
    }

    /// The value is less or equal.
    #[must_use]
    pub fn le(self, value: V) -> Predicate<T> {
        self.compare("<=", value)
    }

    /// The value is greater.
    #[must_use]
    pub fn gt(self, value: V) -> Predicate<T> {
        self.compare(">", value)
    }

    /// The value is greater or equal.
    #[must_use]
    pub fn ge(self, value: V) -> Predicate<T> {
        self.compare(">=", value)
    }

    /// Ascending order.
    #[must_use]
    pub fn asc(self) -> Order<T> {
        Order::new(self.expr, " ASC")
    }

    /// Descending order.
    #[must_use]
    pub fn desc(self) -> Order<T> {
        Order::new(self.expr, " DESC")
    }
}

/// The number of rows, in a group or in all: `select(|t| (t.status, count()))`.
#[must_use]
pub fn count<T>() -> Expression<T, i64> {
    Expression::new(Expr::CountAll)
}

/// One part of an order.
pub struct Order<T> {
    pub(super) expr: Expr,
    table: PhantomData<fn() -> T>,
}

impl<T> Order<T> {
    fn new(expr: Expr, direction: &'static str) -> Self {
        Self { expr: Expr::Postfix(Box::new(expr), direction), table: PhantomData }
    }
}

/// What `order_by` takes: one [`Order`] or a tuple of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no order of table `{T}`",
    label = "say `.asc()` or `.desc()`",
    note = "order by `t.column.asc()`, `t.column.desc()`, or a tuple of up to four of these"
)]
pub trait Orders<T> {
    #[doc(hidden)]
    fn into_exprs(self) -> Vec<Expr>;
}

#[diagnostic::do_not_recommend]
impl<T> Orders<T> for Order<T> {
    fn into_exprs(self) -> Vec<Expr> {
        vec![self.expr]
    }
}

macro_rules! tuple_orders {
    ($($part:ident $index:tt)+) => {
        #[diagnostic::do_not_recommend]
        impl<T, $($part: Orders<T>),+> Orders<T> for ($($part,)+) {
            fn into_exprs(self) -> Vec<Expr> {
                let mut exprs = Vec::new();
                $(exprs.extend(self.$index.into_exprs());)+
                exprs
            }
        }
    };
}

tuple_orders!(A 0 B 1);
tuple_orders!(A 0 B 1 C 2);
tuple_orders!(A 0 B 1 C 2 D 3);

impl<T: Table, V> Column<T, V> {
    pub(super) fn expr(&self) -> Expr {
        let (table, column) = (T::DEF.name, self.name());
        if self.is_of_new_row() { Expr::Excluded { table, column } } else { Expr::Column { table, column } }
    }

    /// Ascending order; `NULL` first.
    #[must_use]
    pub fn asc(&self) -> Order<T> {
        Order::new(self.expr(), " ASC")
    }

    /// Descending order; `NULL` last.
    #[must_use]
    pub fn desc(&self) -> Order<T> {
        Order::new(self.expr(), " DESC")
    }
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $operator:literal;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self, value: impl super::ColumnArg<V>) -> Predicate<T> {
            Predicate::new(self.expr().infix($operator, value.into_expr(self.is_iso8601())))
        }
    )*};
}

impl<T: Table, V: ColumnValue> Column<T, V> {
    comparisons! {
        /// The column is less.
        lt "<";
        /// The column is less or equal.
        le "<=";
        /// The column is greater.
        gt ">";
        /// The column is greater or equal.
        ge ">=";
    }

    /// The column equals the value. `None` for a nullable column means `IS NULL`.
    #[must_use]
    pub fn eq(&self, value: impl super::ColumnArg<V>) -> Predicate<T> {
        Predicate::new(match value.into_expr(self.is_iso8601()) {
            Expr::Value(SqlValue::Null) => self.null_test(" IS NULL").expr,
            value => self.expr().infix("=", value),
        })
    }

    /// The column does not equal the value. `None` for a nullable column means `IS NOT NULL`.
    #[must_use]
    pub fn ne(&self, value: impl super::ColumnArg<V>) -> Predicate<T> {
        Predicate::new(match value.into_expr(self.is_iso8601()) {
            Expr::Value(SqlValue::Null) => self.null_test(" IS NOT NULL").expr,
            value => self.expr().infix("<>", value),
        })
    }

    /// The column is one of the values; of none, where there are none. `None` among them stands for `NULL`.
    #[must_use]
    pub fn is_in<A: super::ColumnArg<V>>(&self, values: impl IntoIterator<Item = A>) -> Predicate<T> {
        let (values, has_null) = self.members(values);
        let among = Predicate::new(Expr::In(Box::new(self.expr()), values.clone()));
        match (values.is_empty(), has_null) {
            (true, false) => Predicate::new(Expr::Constant("0 = 1")),
            (true, true) => self.null_test(" IS NULL"),
            (false, false) => among,
            (false, true) => among.or(self.null_test(" IS NULL")),
        }
    }

    /// The column is none of the values. `None` among them stands for `NULL`; without it, too, a `NULL` column does not match.
    #[must_use]
    pub fn not_in<A: super::ColumnArg<V>>(&self, values: impl IntoIterator<Item = A>) -> Predicate<T> {
        let (values, has_null) = self.members(values);
        let outside = Predicate::new(Expr::In(Box::new(self.expr()), values.clone())).not();
        match (values.is_empty(), has_null) {
            (true, false) => Predicate::new(Expr::Constant("1 = 1")),
            (true, true) => self.null_test(" IS NOT NULL"),
            (false, false) => outside,
            (false, true) => outside.and(self.null_test(" IS NOT NULL")),
        }
    }

    /// `NULL` is in no SQL list, so it is taken out and tested for by itself.
    fn members<A: super::ColumnArg<V>>(&self, values: impl IntoIterator<Item = A>) -> (Vec<Expr>, bool) {
        let mut values: Vec<Expr> = values.into_iter().map(|value| value.into_expr(self.is_iso8601())).collect();
        let all = values.len();
        values.retain(|value| *value != Expr::Value(SqlValue::Null));
        let has_null = values.len() < all;
        (values, has_null)
    }

    fn null_test(&self, test: &'static str) -> Predicate<T> {
        Predicate::new(Expr::Postfix(Box::new(self.expr()), test))
    }

    /// From the first value to the second, both included.
    #[must_use]
    pub fn between(&self, from: impl super::ColumnArg<V>, to: impl super::ColumnArg<V>) -> Predicate<T> {
        self.ge(from).and(self.le(to))
    }

    /// How many rows have a value here that is not `NULL`.
    #[must_use]
    pub fn count(&self) -> Expression<T, i64> {
        Expression::new(Expr::Call("count", vec![self.expr()]))
    }

    /// The least value; `None` of no rows.
    #[must_use]
    pub fn min(&self) -> Expression<T, Option<V::Base>> {
        Expression::new(Expr::Call("min", vec![self.expr()]))
    }

    /// The greatest value; `None` of no rows.
    #[must_use]
    pub fn max(&self) -> Expression<T, Option<V::Base>> {
        Expression::new(Expr::Call("max", vec![self.expr()]))
    }

    /// The column as one that may be `NULL`: for the right side of a left join.
    #[must_use]
    pub fn nullable(&self) -> Column<T, Option<V::Base>> {
        self.retype()
    }
}

/// A column that can be added up.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` column cannot be added up",
    note = "integers, floats and `Option` of these can"
)]
pub trait Summable: ColumnValue {
    /// The type of the sum.
    type Sum: ColumnValue;
}

macro_rules! summable {
    ($($ty:ty => $sum:ty),*) => {$(
        impl Summable for $ty {
            type Sum = $sum;
        }
        impl Summable for Option<$ty> {
            type Sum = $sum;
        }
    )*};
}

summable!(i8 => i64, i16 => i64, i32 => i64, i64 => i64, u8 => i64, u16 => i64, u32 => i64, f32 => f64, f64 => f64);

// The bounds stand at the methods: at the block, a column of another type would hear of unsatisfied bounds only.
impl<T: Table, V: ColumnValue> Column<T, V> {
    /// The sum; `None` of no rows. An integer sum beyond 64 bits is an error of the query.
    #[must_use]
    pub fn sum(&self) -> Expression<T, Option<V::Sum>>
    where
        V: Summable,
    {
        Expression::new(Expr::Call("sum", vec![self.expr()]))
    }

    /// The mean; `None` of no rows.
    #[must_use]
    pub fn avg(&self) -> Expression<T, Option<f64>>
    where
        V: Summable,
    {
        Expression::new(Expr::Call("avg", vec![self.expr()]))
    }

    /// The column's value plus this one, for an update.
    #[must_use]
    pub fn add(&self, value: impl super::ColumnArg<V>) -> Expression<T, V>
    where
        V: Summable,
    {
        Expression::new(self.expr().infix("+", value.into_expr(false)))
    }
}

impl<T: Table, V: ColumnValue> Column<T, Option<V>> {
    /// The column is `NULL`.
    #[must_use]
    pub fn is_null(&self) -> Predicate<T> {
        Predicate::new(Expr::Postfix(Box::new(self.expr()), " IS NULL"))
    }

    /// The column is not `NULL`.
    #[must_use]
    pub fn is_not_null(&self) -> Predicate<T> {
        Predicate::new(Expr::Postfix(Box::new(self.expr()), " IS NOT NULL"))
    }
}

/// A column of text.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` column has no text to match",
    note = "`like` is for `String` and `Option<String>` columns"
)]
pub trait TextColumn: ColumnValue {}

impl TextColumn for String {}
impl TextColumn for Option<String> {}

impl<T: Table, V: ColumnValue> Column<T, V> {
    /// The text matches the pattern: `%` stands for any text, `_` for one character; ASCII letters match in both cases.
    #[must_use]
    pub fn like(&self, pattern: impl AsRef<str>) -> Predicate<T>
    where
        V: TextColumn,
    {
        let pattern = Expr::Value(SqlValue::Text(pattern.as_ref().to_owned()));
        Predicate::new(self.expr().infix("LIKE", pattern))
    }

    /// The text does not match the pattern.
    #[must_use]
    pub fn not_like(&self, pattern: impl AsRef<str>) -> Predicate<T>
    where
        V: TextColumn,
    {
        let pattern = Expr::Value(SqlValue::Text(pattern.as_ref().to_owned()));
        Predicate::new(self.expr().infix("NOT LIKE", pattern))
    }
}

macro_rules! json_contains {
    ($($column:ty),*) => {$(
        impl<T: Table, V: serde::Serialize> Column<T, $column> {
            /// The JSON array has an element that equals this one.
            #[must_use]
            pub fn contains<A>(&self, element: &A) -> Predicate<T>
            where
                A: serde::Serialize + ?Sized,
                V: std::borrow::Borrow<A>,
            {
                Predicate::new(Expr::JsonContains(Box::new([self.expr(), json_element(element)])))
            }
        }
    )*};
}

json_contains!(Json<Vec<V>>, Option<Json<Vec<V>>>);

/// An element as `json_each` gives it.
fn json_element(element: &(impl serde::Serialize + ?Sized)) -> Expr {
    use serde_json::Value;
    match serde_json::to_value(element) {
        Ok(Value::String(text)) => Expr::Value(SqlValue::Text(text)),
        Ok(Value::Bool(is_true)) => Expr::Value(SqlValue::Integer(i64::from(is_true))),
        Ok(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Expr::Value(SqlValue::Integer(integer)),
            (None, Some(real)) => Expr::Value(SqlValue::Real(real)),
            (None, None) => invalid("the number has no SQL form"),
        },
        // Arrays and objects come as minified text.
        Ok(other @ (Value::Array(_) | Value::Object(_))) => {
            Expr::Call("json", vec![Expr::Value(SqlValue::Text(other.to_string()))])
        }
        Ok(Value::Null) => invalid("`null` equals nothing in SQL; look for it with `sql_query`"),
        Err(error) => invalid(&error.to_string()),
    }
}

fn invalid(message: &str) -> Expr {
    Expr::Invalid(crate::value::ValueError::new(message).into())
}

macro_rules! debug_expr {
    ($($name:ident<$($param:ident),+>)*) => {$(
        impl<$($param),+> fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.expr).finish()
            }
        }
    )*};
}

debug_expr!(Predicate<T> Expression<T, V> Order<T>);
