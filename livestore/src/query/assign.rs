use super::expr::Expr;
use super::{Column, ColumnArg, Expression, Table};
use crate::value::ColumnValue;
use std::fmt;
use std::marker::PhantomData;

/// A column and the value it is to get.
#[derive(Clone, Debug, PartialEq)]
#[doc(hidden)]
pub struct Assignment {
    pub(super) column: &'static str,
    pub(super) value: Expr,
}

/// One column with its new value: `t.text.to("milk")`.
pub struct Assign<T> {
    pub(super) assignment: Assignment,
    table: PhantomData<fn() -> T>,
}

impl<T: Table, V: ColumnValue> Column<T, V> {
    /// Gives the column this value, in an insert or an update.
    #[must_use]
    pub fn to(&self, value: impl AssignArg<V>) -> Assign<T> {
        let value = value.into_assigned(self.is_iso8601());
        Assign { assignment: Assignment { column: self.name(), value }, table: PhantomData }
    }
}

/// What a column can be set to: all that it can be compared with, and expressions of its own table.
#[diagnostic::on_unimplemented(message = "a `{V}` column cannot take a `{Self}`", label = "not a `{V}`")]
pub trait AssignArg<V> {
    #[doc(hidden)]
    fn into_assigned(self, is_iso8601: bool) -> Expr;
}

#[diagnostic::do_not_recommend]
impl<V, A: ColumnArg<V>> AssignArg<V> for A {
    fn into_assigned(self, is_iso8601: bool) -> Expr {
        self.into_expr(is_iso8601)
    }
}

#[diagnostic::do_not_recommend]
impl<T, V> ColumnArg<V> for Expression<T, V> {
    fn into_expr(self, _: bool) -> Expr {
        self.expr
    }
}

/// What `insert_with` and an upsert take: one assignment or a tuple of up to eight.
pub trait Assigns<T> {
    #[doc(hidden)]
    fn into_assigns(self) -> Vec<Assignment>;
}

impl<T> Assigns<T> for Assign<T> {
    fn into_assigns(self) -> Vec<Assignment> {
        vec![self.assignment]
    }
}

impl<T> Assigns<T> for Vec<Assign<T>> {
    fn into_assigns(self) -> Vec<Assignment> {
        self.into_iter().map(|assign| assign.assignment).collect()
    }
}

macro_rules! tuple_assigns {
    ($($part:ident $index:tt)+) => {
        impl<T, $($part: Assigns<T>),+> Assigns<T> for ($($part,)+) {
            fn into_assigns(self) -> Vec<Assignment> {
                let mut assigns = Vec::new();
                $(assigns.extend(self.$index.into_assigns());)+
                assigns
            }
        }
    };
}

tuple_assigns!(A 0);
tuple_assigns!(A 0 B 1);
tuple_assigns!(A 0 B 1 C 2);
tuple_assigns!(A 0 B 1 C 2 D 3);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_assigns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);

impl<T> fmt::Debug for Assign<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Assign").field(&self.assignment).finish()
    }
}
