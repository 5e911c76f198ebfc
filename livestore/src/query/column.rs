use crate::value::ColumnValue;
use std::fmt;
use std::marker::PhantomData;

/// A column of table `T` that holds a `V`; reached through a closure: `.filter(|t| t.completed.eq(false))`.
pub struct Column<T, V> {
    name: &'static str,
    iso8601: bool,
    /// Of the row that an upsert could not add.
    new_row: bool,
    types: PhantomData<fn() -> (T, V)>,
}

impl<T, V> Column<T, V> {
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(name: &'static str) -> Self {
        Self { name, iso8601: false, new_row: false, types: PhantomData }
    }

    /// A timestamp column that stores ISO-8601 text.
    #[doc(hidden)]
    #[must_use]
    pub const fn __iso8601(name: &'static str) -> Self {
        Self { name, iso8601: true, new_row: false, types: PhantomData }
    }

    /// The same column of the row that an upsert could not add.
    #[doc(hidden)]
    #[must_use]
    pub const fn __of_new_row(self) -> Self {
        Self { new_row: true, ..self }
    }

    /// The column without `Option`: what a foreign key must agree with.
    #[doc(hidden)]
    #[must_use]
    pub const fn __base(&self) -> Column<T, V::Base>
    where
        V: ColumnValue,
    {
        self.retype()
    }

    /// The column's SQL name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T, V> Column<T, V> {
    pub(super) const fn is_iso8601(&self) -> bool {
        self.iso8601
    }

    pub(super) const fn is_of_new_row(&self) -> bool {
        self.new_row
    }

    pub(super) const fn retype<W>(&self) -> Column<T, W> {
        Column { name: self.name, iso8601: self.iso8601, new_row: self.new_row, types: PhantomData }
    }
}

impl<T, V> Clone for Column<T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, V> Copy for Column<T, V> {}

impl<T, V> fmt::Debug for Column<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Column").field(&self.name).finish()
    }
}
