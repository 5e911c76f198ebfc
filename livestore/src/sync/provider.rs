use super::{SyncMessage, SyncRequest};
use crate::ids::{ClientId, StoreId};
use std::task::Waker;

/// A way to a sync backend: a transport, such as a WebSocket, or the in-memory backend of tests.
///
/// The store's leader drives it from one thread and never waits inside it: [`connect`](Self::connect),
/// [`SyncConnection::send`] and [`SyncConnection::receive`] return at once. A transport that has to wait does so on a thread of its own.
pub trait SyncProvider: Send + Sync + 'static {
    /// Begins a connection. [`SyncMessage::Connected`] tells when it stands, [`SyncMessage::Disconnected`] that it does not.
    ///
    /// `wake` is woken whenever [`SyncConnection::receive`] has something new; waking too often does no harm.
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection>;
}

/// One connection. Dropping it ends it.
pub trait SyncConnection: Send {
    /// Hands a request over. One that cannot be sent is answered by [`SyncMessage::Disconnected`].
    ///
    /// A push that is longer than this transport or its backend will ever take is answered by
    /// [`PushRefusal::Rejected`](super::PushRefusal::Rejected) of an event of its first group instead: the group is kept aside and shown,
    /// and those after it go on. Ending the connection would have it pushed for ever.
    fn send(&mut self, request: SyncRequest);

    /// The next message, if one is there. Messages come in the order in which the backend sent them.
    ///
    /// The store takes one page at a time. A transport holds a bounded number of them and reads on when they are taken.
    fn receive(&mut self) -> Option<SyncMessage>;
}

/// Who connects, and to which log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncTarget {
    /// The store.
    pub store_id: StoreId,
    /// The client.
    pub client_id: ClientId,
}

impl SyncTarget {
    /// For tests of a provider; a store makes its own.
    #[must_use]
    pub fn new(store_id: StoreId, client_id: &str) -> Self {
        Self { store_id, client_id: ClientId::from_stored(client_id) }
    }
}
