//! Marks: what has to happen sometimes, or the figures mean nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local!(static MARKS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) });

/// Counts a mark on this thread. Written as [`sometimes!`](crate::sometimes).
pub fn hit(name: &'static str) {
    MARKS.with_borrow_mut(|marks| *marks.entry(name).or_default() += 1);
}

/// Takes what this thread counted.
#[must_use]
pub fn take() -> BTreeMap<&'static str, u64> {
    MARKS.take()
}

/// Marks something that has to happen in some run, if a condition holds: `sometimes!("a rebase", status.rebases > 0)`. The marks
/// that were hit are in [`Report::marks`](crate::Report::marks).
#[macro_export]
macro_rules! sometimes {
    ($name:literal) => {
        $crate::marks::hit($name)
    };
    ($name:literal, $condition:expr) => {
        if $condition {
            $crate::marks::hit($name)
        }
    };
}
