//! What several tests of the server need.

pub(crate) mod postgres;
