//! Sync: what a store and a backend that orders events say to each other, and the pure rules of it.
//!
//! [`SyncProvider`] is the seam: a transport implements it, the leader drives it. `Order` is the merge that both hops use, `Uplink`
//! decides when to connect, pull and push. Neither has a thread, a clock, randomness or a socket.

mod memory_backend;
mod message;
mod order;
mod provider;
mod status;
#[cfg(test)]
mod tests;
mod uplink;

#[allow(unused_imports)]
pub(crate) use order::{Change, How, Order, OrderError, Pending, Replaced, Settled, Upstream};
#[allow(unused_imports)]
pub(crate) use uplink::{Facts, Uplink, UplinkInput, UplinkOptions, UplinkOutput, UplinkState, UplinkStatus};

pub use memory_backend::{Fault, MemoryBackend};
pub use message::{BackendId, PageInfo, PushRefusal, SyncError, SyncEvent, SyncMessage, SyncPage, SyncRequest};
pub use provider::{SyncConnection, SyncProvider, SyncTarget};
pub use status::{InitialSync, OnOtherBackend, Rejected, SyncState, SyncStatus};
