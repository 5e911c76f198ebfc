//! What several tests of the server need.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod rng;
pub(crate) mod server;
