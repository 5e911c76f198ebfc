//! What every adapter and every sync provider of LiveStore must do, as suites that run against any of them.
//!
//! A suite is a list of named points. Give it a *subject*, which says how to reach what is tested and what it can do at all, and it gives back a
//! [`Report`]: each point has passed, failed, or does not apply because the subject declares so. Nothing is left out silently.
//!
//! ```
//! use livestore::{MemoryAdapter, memory};
//! use livestore_conformance::adapter::{self, Subject};
//!
//! struct Memory;
//!
//! impl Subject for Memory {
//!     type Adapter = MemoryAdapter;
//!     type Place = MemoryAdapter;
//!
//!     fn place(&self) -> MemoryAdapter {
//!         memory()
//!     }
//!
//!     fn adapter(&self, place: &MemoryAdapter) -> MemoryAdapter {
//!         place.clone()
//!     }
//! }
//!
//! let report = adapter::boot::run(&Memory);
//! report.assert_passed(); // prints the whole report where a point failed
//! assert_eq!(report.names_not_applicable(), ["boot_again_after_a_close"]); // say aloud what your adapter cannot do
//! ```

pub mod adapter;
mod report;
mod suite;
pub mod sync;

pub use report::{Check, Entry, Miss, Report, Verdict};
