//! Unmodified TypeScript clients and stores in Rust, over one server.

mod typescript;
