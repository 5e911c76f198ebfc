use super::expr::Expr;
use super::{Column, Expression, Order, Predicate, Table};
use crate::value::{ColumnValue, SqlValue};

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
