use crate::error::QueryError;
use crate::schema::StateAccess;
use crate::value::Row;
use std::fmt;
use std::marker::PhantomData;

/// How many rows a query gives back: all of them (`Vec<R>`), at most one ([`First`]) or exactly one ([`One`]).
pub trait Rows {
    /// One decoded row.
    type Row;
    /// What the query gives back.
    type Output;

    #[doc(hidden)]
    fn collect(
        state: &dyn StateAccess,
        sql: &super::Sql,
        decode: fn(&Row<'_>) -> Result<Self::Row, QueryError>,
    ) -> Result<Self::Output, QueryError>;
}

/// Marks a query that gives its first row, or `None`.
pub struct First<R>(PhantomData<fn() -> R>);

/// Marks a query that gives exactly one row, or an error.
pub struct One<R>(PhantomData<fn() -> R>);

impl<R> Rows for Vec<R> {
    type Row = R;
    type Output = Self;

    fn collect(
        state: &dyn StateAccess,
        sql: &super::Sql,
        decode: fn(&Row<'_>) -> Result<R, QueryError>,
    ) -> Result<Self, QueryError> {
        let mut rows = Self::new();
        state.select(&sql.text, &sql.binds, &mut |row| {
            rows.push(decode(row)?);
            Ok(())
        })?;
        Ok(rows)
    }
}

impl<R> Rows for First<R> {
    type Row = R;
    type Output = Option<R>;

    fn collect(
        state: &dyn StateAccess,
        sql: &super::Sql,
        decode: fn(&Row<'_>) -> Result<R, QueryError>,
    ) -> Result<Option<R>, QueryError> {
        let mut first = None;
        state.select(&sql.text, &sql.binds, &mut |row| {
            if first.is_none() {
                first = Some(decode(row)?);
            }
            Ok(())
        })?;
        Ok(first)
    }
}

impl<R> Rows for One<R> {
    type Row = R;
    type Output = R;

    fn collect(
        state: &dyn StateAccess,
        sql: &super::Sql,
        decode: fn(&Row<'_>) -> Result<R, QueryError>,
    ) -> Result<R, QueryError> {
        let (mut one, mut count) = (None, 0);
        state.select(&sql.text, &sql.binds, &mut |row| {
            count += 1;
            one = Some(decode(row)?);
            Ok(())
        })?;
        match one {
            Some(one) if count == 1 => Ok(one),
            _ => Err(QueryError::NotOne {
                found: if count == 0 { "none" } else { "more than one" },
                sql: sql.text.clone(),
            }),
        }
    }
}

impl<R> fmt::Debug for First<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("First")
    }
}

impl<R> fmt::Debug for One<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("One")
    }
}
