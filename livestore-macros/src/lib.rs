//! The attribute macros of the `livestore` crate.
