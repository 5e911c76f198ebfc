//! The sync backend of LiveStore: orders the events of many clients into one log per store.
#![forbid(unsafe_code)]

pub mod archive;
pub mod auth;
pub mod hub;
pub mod limits;
pub mod log;
mod metrics;
pub mod serve;
pub mod storage;
