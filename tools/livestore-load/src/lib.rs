//! Puts load on a sync backend, and checks that every client gets every event, once and in order.
//!
//! The program `livestore-load` is what people use; tests call [`run`] with the same [`Args`].
//!
//! ```no_run
//! use clap::Parser as _;
//!
//! # async fn load() -> Result<(), Box<dyn std::error::Error>> {
//! let args = livestore_load::Args::parse_from(["livestore-load", "ws://127.0.0.1:8787", "--clients", "20", "--stores", "4"]);
//! let report = livestore_load::run(&args).await?;
//! assert!(report.is_clean(), "{report}");
//! # Ok(())
//! # }
//! ```

mod args;
mod book;
mod client;
mod figures;
mod frames;
mod histogram;
mod pages;
mod process;
mod progress;
mod report;
mod run;

pub use args::Args;
pub use report::{Report, Times};
pub use run::run;
