use super::{Row, SqlValue, TakesDefault, ValueError, ValueRef};
use crate::error::QueryError;

/// The storage class of a column in a STRICT table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// `INTEGER`
    Integer,
    /// `REAL`
    Real,
    /// `TEXT`
    Text,
    /// `BLOB`
    Blob,
}

impl SqlType {
    /// The keyword in DDL.
    ///
    /// ```
    /// assert_eq!(livestore::SqlType::Text.keyword(), "TEXT");
    /// ```
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        }
    }
}

/// What a Rust type becomes in a table: a storage class, and whether `NULL` is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnType {
    /// The storage class.
    pub sql: SqlType,
    /// Whether the column may hold `NULL`; true for `Option<V>` only.
    pub nullable: bool,
}

impl ColumnType {
    /// A column of this storage class that may not be `NULL`.
    pub const fn required(sql: SqlType) -> Self {
        Self { sql, nullable: false }
    }
}

/// A Rust type that a table column can hold.
///
/// Implemented for the integers up to `i64` and `u32`, `f32` and `f64` (not NaN), `bool`, `String`, `Vec<u8>`,
/// [`Timestamp`](crate::Timestamp), [`Json<T>`](crate::Json) and `Option` of each. For an enum stored as
/// text, or a newtype, use `#[derive(ColumnValue)]`.
///
/// ```
/// use livestore::{ColumnValue, SqlValue};
/// assert_eq!(true.into_value()?, SqlValue::Integer(1));
/// assert_eq!(None::<String>.into_value()?, SqlValue::Null);
/// # Ok::<(), livestore::ValueError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a table column",
    label = "not a column type",
    note = "column types: i8 to i64, u8 to u32, f32, f64, bool, String, Vec<u8>, Timestamp, Json<T>, Option of each, and types with #[derive(ColumnValue)]",
    note = "for u64 and usize use i64: SQLite's integers are signed"
)]
pub trait ColumnValue: Sized {
    /// The type without `Option`: itself, or `V` for an `Option<V>`.
    type Base: ColumnValue;
    /// The column's storage class and nullability.
    const TYPE: ColumnType;

    /// The value as SQLite stores it.
    ///
    /// # Errors
    /// The value has no faithful stored form: a NaN, or JSON that does not serialize.
    fn into_value(self) -> Result<SqlValue, ValueError>;

    /// Reads the value from what SQLite stored.
    ///
    /// # Errors
    /// The stored value is of another type or out of range.
    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError>;

    /// The constants that the column takes as its default.
    #[doc(hidden)]
    const __DEFAULT: TakesDefault = TakesDefault::Own;

    /// Whether the column may be stored as ISO-8601 text.
    #[doc(hidden)]
    const __IS_TIME: bool = false;

    /// [`Row::get`] as generated code calls it: through the trait, a type that is no column value is told once.
    #[doc(hidden)]
    #[inline]
    fn __get(row: &Row<'_>, index: usize) -> Result<Self, QueryError> {
        row.get(index)
    }
}

macro_rules! integer_column {
    ($($int:ty),*) => {$(
        impl ColumnValue for $int {
            type Base = Self;
            const TYPE: ColumnType = ColumnType::required(SqlType::Integer);
            const __DEFAULT: TakesDefault = TakesDefault::Integer { min: <$int>::MIN as i64, max: <$int>::MAX as i64 };

            fn into_value(self) -> Result<SqlValue, ValueError> {
                Ok(SqlValue::Integer(i64::from(self)))
            }

            fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
                let ValueRef::Integer(integer) = value else {
                    return Err(ValueError::unexpected("an integer", value));
                };
                Self::try_from(integer).map_err(|_| {
                    ValueError::unexpected(concat!("an integer that fits ", stringify!($int)), value)
                })
            }
        }
    )*};
}

integer_column!(i8, i16, i32, i64, u8, u16, u32);

impl ColumnValue for f64 {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Real);
    const __DEFAULT: TakesDefault = TakesDefault::Float;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        if self.is_nan() {
            // SQLite turns a bound NaN into NULL without a word.
            return Err(ValueError::new("NaN cannot be stored; use an `Option` for a missing number"));
        }
        Ok(SqlValue::Real(self))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Real(real) => Ok(real),
            ValueRef::Integer(integer) => Ok(integer as Self),
            other => Err(ValueError::unexpected("a number", other)),
        }
    }
}

impl ColumnValue for f32 {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Real);
    const __DEFAULT: TakesDefault = TakesDefault::Float;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        f64::from(self).into_value()
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        f64::from_value(value).map(|real| real as Self)
    }
}

impl ColumnValue for bool {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Integer);
    const __DEFAULT: TakesDefault = TakesDefault::Boolean;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        Ok(SqlValue::Integer(i64::from(self)))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Integer(0) => Ok(false),
            ValueRef::Integer(1) => Ok(true),
            other => Err(ValueError::unexpected("0 or 1 for a boolean", other)),
        }
    }
}

impl ColumnValue for String {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Text);
    const __DEFAULT: TakesDefault = TakesDefault::Text;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        Ok(SqlValue::Text(self))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Text(bytes) => {
                std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| ValueError::unexpected("UTF-8 text", value))
            }
            other => Err(ValueError::unexpected("text", other)),
        }
    }
}

impl ColumnValue for Vec<u8> {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Blob);
    const __DEFAULT: TakesDefault = TakesDefault::Blob;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        Ok(SqlValue::Blob(self))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
            other => Err(ValueError::unexpected("a blob", other)),
        }
    }
}

impl<V: ColumnValue> ColumnValue for Option<V> {
    type Base = V;
    const TYPE: ColumnType = {
        assert!(!V::TYPE.nullable, "a column cannot be an `Option` of an `Option`");
        ColumnType { sql: V::TYPE.sql, nullable: true }
    };
    const __DEFAULT: TakesDefault = V::__DEFAULT;
    const __IS_TIME: bool = V::__IS_TIME;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        self.map_or(Ok(SqlValue::Null), V::into_value)
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Null => Ok(None),
            value => V::from_value(value).map(Some),
        }
    }
}
