//! Live queries: definitions that are kept up to date in a store, and those who watch them.

mod changes;
mod definition;
mod outbox;
mod queryable;
mod runtime;
mod subscription;
#[cfg(test)]
mod tests;

pub use changes::Changes;
pub use definition::{LiveCx, LiveQuery, Signal, computed, query_db, query_db_with, signal};
pub(crate) use outbox::Outbox;
pub use queryable::{Observable, Queryable};
pub(crate) use runtime::Live;
pub use runtime::LiveStats;
pub(crate) use subscription::LiveHost;
pub use subscription::Subscription;
