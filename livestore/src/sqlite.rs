//! The only module that opens a connection: statements, what they read and write, and what they may do.

mod access;
mod db;
mod fault;
mod guard;
mod place;
mod text_hasher;
mod trial;
mod words;

pub(crate) use access::{ReadSet, TrackedState, WriteSet};
pub(crate) use db::{Db, Repeated, Role};
pub(crate) use guard::StateRules;
pub(crate) use place::{Durability, Place};
pub(crate) use trial::try_checks;
