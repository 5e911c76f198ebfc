use crate::error::QueryError;
use crate::live::{Live, Queryable};
use crate::sqlite::TrackedState;
use std::cell::RefCell;

/// Several queries at one head; see [`Store::read`](crate::Store::read).
pub struct ReadCx<'a> {
    live: RefCell<&'a mut Live>,
    state: &'a dyn TrackedState,
}

impl<'a> ReadCx<'a> {
    pub(super) fn new(live: &'a mut Live, state: &'a dyn TrackedState) -> Self {
        Self { live: RefCell::new(live), state }
    }

    /// Reads as [`Store::query`](crate::Store::query) does.
    ///
    /// # Errors
    /// The statement is refused or fails, or a row does not decode.
    pub fn query<Q: Queryable>(&self, query: &Q) -> Result<Q::Output, QueryError> {
        query.read(&mut self.live.borrow_mut(), self.state)
    }
}

impl std::fmt::Debug for ReadCx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadCx").finish_non_exhaustive()
    }
}
