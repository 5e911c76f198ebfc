use super::expr::Expr;
use super::{Column, Expression, Table};
use crate::value::ColumnValue;

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
