//! The program as its users meet it: `livestore-server` as a process.

mod check;
mod export;
mod import;
mod postgres;
mod rights;
mod serve;
mod served;
mod stores;
mod support;
#[path = "../support/mod.rs"]
mod wire;
