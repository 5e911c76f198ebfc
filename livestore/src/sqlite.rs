//! The only module that opens a connection: statements, what they read and write, and what they may do.

mod access;

pub(crate) use access::{ReadSet, TrackedState, WriteSet};
