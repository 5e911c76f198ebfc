//! The reactivity graph: memoised nodes, what they read, and who reads them. It knows no SQL and no store.
//!
//! A node is clean, to be *checked* (something below it may have changed), or *dirty* (something it read directly did).
//! Marking goes up at once, recomputing happens when a value is asked for: sources first, and only those dependents whose
//! source really changed. So one change costs each node at most one run, no node ever sees a mix of old and new, and an
//! equal result stops there.

mod graph;
mod node_map;
#[cfg(test)]
mod tests;

pub(crate) use graph::{Graph, NodeId, Run, Value};
pub(crate) use node_map::NodeMap;
