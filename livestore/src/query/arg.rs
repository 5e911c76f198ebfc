use super::Column;
use super::expr::Expr;
use crate::value::{ColumnValue, SqlValue};

/// What a column of type `V` can be compared with or set to: a `V`, a reference to one, `&str` for text, a bare value for
/// a nullable column, or another column.
#[diagnostic::on_unimplemented(
    message = "a `{V}` column cannot take a `{Self}`",
    label = "not a `{V}`, and not a column of that type"
)]
pub trait ColumnArg<V> {
    #[doc(hidden)]
    fn into_expr(self, is_iso8601: bool) -> Expr;
}

/// A bound value; what is wrong with it is told when the statement runs.
pub(super) fn value<V: ColumnValue>(value: V, is_iso8601: bool) -> Expr {
    let stored = value.into_value();
    match if is_iso8601 { stored.and_then(SqlValue::into_iso8601) } else { stored } {
        Ok(value) => Expr::Value(value),
        Err(error) => Expr::Invalid(error.into()),
    }
}

#[diagnostic::do_not_recommend]
impl<V: ColumnValue> ColumnArg<V> for V {
    fn into_expr(self, is_iso8601: bool) -> Expr {
        value(self, is_iso8601)
    }
}

#[diagnostic::do_not_recommend]
impl<V: ColumnValue + Clone> ColumnArg<V> for &V {
    fn into_expr(self, is_iso8601: bool) -> Expr {
        value(self.clone(), is_iso8601)
    }
}

#[diagnostic::do_not_recommend]
impl<V: ColumnValue> ColumnArg<Option<V>> for V {
    fn into_expr(self, is_iso8601: bool) -> Expr {
        value(self, is_iso8601)
    }
}

#[diagnostic::do_not_recommend]
impl<V: ColumnValue + Clone> ColumnArg<Option<V>> for &V {
    fn into_expr(self, is_iso8601: bool) -> Expr {
        value(self.clone(), is_iso8601)
    }
}

#[diagnostic::do_not_recommend]
impl ColumnArg<String> for &str {
    fn into_expr(self, _: bool) -> Expr {
        Expr::Value(SqlValue::Text(self.to_owned()))
    }
}

#[diagnostic::do_not_recommend]
impl ColumnArg<Option<String>> for &str {
    fn into_expr(self, _: bool) -> Expr {
        Expr::Value(SqlValue::Text(self.to_owned()))
    }
}

#[diagnostic::do_not_recommend]
impl<T: super::Table, V> ColumnArg<V> for Column<T, V> {
    fn into_expr(self, _: bool) -> Expr {
        self.expr()
    }
}

#[diagnostic::do_not_recommend]
impl<T: super::Table, V> ColumnArg<V> for &Column<T, V> {
    fn into_expr(self, _: bool) -> Expr {
        self.expr()
    }
}
