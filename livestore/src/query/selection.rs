use super::expr::Expr;
use super::{Column, Expression, Table};
use crate::error::QueryError;
use crate::value::{ColumnValue, Row};

/// What `select` takes: a column, an aggregate, or a tuple of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be selected",
    note = "select a column, an aggregate, or a tuple of up to eight of these"
)]
pub trait Selection {
    /// The value of one row.
    type Row;

    /// Whether each of the values may be `NULL`.
    #[doc(hidden)]
    const __NULLABLE: &'static [bool];

    #[doc(hidden)]
    fn into_exprs(self) -> Vec<Expr>;

    #[doc(hidden)]
    fn decode(row: &Row<'_>) -> Result<Self::Row, QueryError>;
}

/// A selection from table `T` alone.
#[diagnostic::on_unimplemented(message = "the selection is not of table `{T}`", label = "columns of another table")]
pub trait Of<T> {}

/// A selection of one value; in a tuple there is one for each place.
#[doc(hidden)]
pub trait Single {
    type Value: ColumnValue;
    fn expr(self) -> Expr;
}

impl<T: Table, V: ColumnValue> Single for Column<T, V> {
    type Value = V;

    fn expr(self) -> Expr {
        Self::expr(&self)
    }
}

impl<T, V: ColumnValue> Single for Expression<T, V> {
    type Value = V;

    fn expr(self) -> Expr {
        self.expr
    }
}

macro_rules! single_selection {
    ($name:ident $(: $bound:ident)?) => {
        impl<T $(: $bound)?, V: ColumnValue> Selection for $name<T, V> {
            type Row = V;
            const __NULLABLE: &'static [bool] = &[V::TYPE.nullable];

            fn into_exprs(self) -> Vec<Expr> {
                vec![Single::expr(self)]
            }

            fn decode(row: &Row<'_>) -> Result<V, QueryError> {
                row.get(0)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, V> Of<T> for $name<T, V> {}
    };
}

single_selection!(Column: Table);
single_selection!(Expression);

macro_rules! tuple_selection {
    ($($part:ident $index:tt)+) => {
        impl<$($part: Single),+> Selection for ($($part,)+) {
            type Row = ($($part::Value,)+);
            const __NULLABLE: &'static [bool] = &[$(<$part::Value as ColumnValue>::TYPE.nullable),+];

            fn into_exprs(self) -> Vec<Expr> {
                vec![$(self.$index.expr()),+]
            }

            fn decode(row: &Row<'_>) -> Result<Self::Row, QueryError> {
                Ok(($(row.get::<$part::Value>($index)?,)+))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, $($part: Of<T>),+> Of<T> for ($($part,)+) {}
    };
}

tuple_selection!(A 0);
tuple_selection!(A 0 B 1);
tuple_selection!(A 0 B 1 C 2);
tuple_selection!(A 0 B 1 C 2 D 3);
tuple_selection!(A 0 B 1 C 2 D 3 E 4);
tuple_selection!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_selection!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_selection!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
