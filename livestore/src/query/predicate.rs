use super::expr::Expr;
use crate::value::ColumnValue;
use std::fmt;
use std::marker::PhantomData;

/// A condition on rows of `T`: a comparison, or several combined with [`and`](Self::and), [`or`](Self::or) and
/// [`not`](Self::not). A `bool` column becomes one with `.eq(true)`.
///
/// ```
/// # use livestore::*;
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: String, pub text: String, pub completed: bool }
/// let shown = Todo::query().filter(|t| t.completed.eq(true).not().or(t.text.like("%milk%")));
/// # assert!(shown.to_sql().is_ok());
/// ```
pub struct Predicate<T> {
    pub(super) expr: Expr,
    table: PhantomData<fn() -> T>,
}

impl<T> Predicate<T> {
    pub(super) fn new(expr: Expr) -> Self {
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
    pub(super) fn new(expr: Expr, direction: &'static str) -> Self {
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
