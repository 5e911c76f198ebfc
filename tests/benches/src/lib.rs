//! Measures livestore in CPU time, beside the same SQLite work written by hand.
//!
//! A shared machine makes wall time noise, and criterion and divan run one side to its end before the other, so a busy
//! minute falsifies their ratio. Here both sides alternate in one run, round by round, and each figure is the median of the
//! rounds. `README.md` holds the figures and how they were taken.

pub mod app;
mod backend;
pub mod ceiling;
mod child;
pub mod client;
mod clock;
mod folder;
pub mod heap;
mod report;

pub use backend::Paged;
pub use child::{child, tell};
pub use clock::{cpu_of, process_cpu, thread_cpu};
pub use folder::{Folder, resident_bytes};
pub use report::{Bench, Unit, median};
