//! Unmodified TypeScript clients and stores in Rust, over one server.

mod auth;
mod backends;
mod bulk;
mod groups;
mod restarts;
mod shared;
mod typescript;
