//! Reading all that a log holds at once, for one that is kept aside.

use super::format::Eventlog;
use super::page::{self, LogFilter, LogRow};
use crate::error::StorageError;
use std::collections::HashMap;

/// What a log says of an event that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Placed,
    Pending,
    Rejected(String),
}

impl Eventlog {
    /// All events: those with a place, those that wait for one, those that will get none.
    pub(crate) fn all_rows(&self) -> Result<Vec<(LogRow, Standing)>, StorageError> {
        let (all, limit) = (LogFilter::default(), usize::MAX >> 1);
        let placed = self.rows_after(0, &all, limit)?;
        let pending = page::unnumbered_after(self.db(), "pending", 0, limit)?;
        let rejected = page::unnumbered_after(self.db(), "rejected", 0, limit)?;
        let reasons: HashMap<u64, String> = self
            .db()
            .rows("SELECT place, reason FROM rejected", [], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?
            .into_iter()
            .collect();
        let why = |row: &LogRow| Standing::Rejected(reasons.get(&row.place).cloned().unwrap_or_default());
        let mut rows: Vec<_> = placed.into_iter().map(|row| (row, Standing::Placed)).collect();
        rows.extend(pending.into_iter().map(|row| (row, Standing::Pending)));
        rows.extend(rejected.into_iter().map(|row| {
            let why = why(&row);
            (row, why)
        }));
        Ok(rows)
    }
}
