use super::expr::Expr;
use super::{Column, Predicate, Table};
use crate::value::{ColumnValue, Json, SqlValue};

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
