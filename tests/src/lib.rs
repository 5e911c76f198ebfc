//! Tests of the workspace as a user meets it; see `tests/`.

/// The examples of the README compile and run.
#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
pub struct Readme;
