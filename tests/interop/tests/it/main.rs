//! Unmodified TypeScript clients and stores in Rust, over one server.

mod auth;
mod backends;
mod bulk;
mod groups;
mod postgres;
#[path = "../../../../sync/livestore-server/tests/support/postgres.rs"]
#[allow(dead_code, reason = "this takes what it needs")]
mod postgres_server;
mod restarts;
mod shared;
mod typescript;
