//! One store's log: what is admitted to it, in which order, and what of it is at hand.
//!
//! Everything here is without input and output: [`Owner`] is a state machine that a task drives, and the simulator too.

mod admission;
mod ids;
mod owner;
mod recent;
#[cfg(test)]
mod tests;
mod turns;

pub use admission::{Admission, admit};
pub use owner::{Input, Output, Owner, Push, Verdict};
pub use recent::Recent;
pub use turns::{Pusher, TurnOptions, Turns};
