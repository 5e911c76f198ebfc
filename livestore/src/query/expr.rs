use super::statement::Writer;
use crate::error::QueryError;
use crate::schema::quoted;
use crate::value::SqlValue;

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
    pub(super) fn infix(self, operator: &'static str, other: Self) -> Self {
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
