use super::{SyncMessage, SyncRequest};
use crate::ids::{ClientId, StoreId};
use std::task::Waker;

/// A way to a sync backend: a transport, such as a WebSocket, or the in-memory backend of tests.
///
/// The store's leader drives it from one thread and never waits inside it: [`connect`](Self::connect),
/// [`SyncConnection::send`] and [`SyncConnection::receive`] return at once. A transport that has to wait does so on a thread of its own.
///
/// # What a backend must do
///
/// The [`livestore-conformance`](https://docs.rs/livestore-conformance) crate has a suite that checks all of it,
/// `livestore_conformance::sync::run`; each line names its points there.
///
/// - **Order.** It gives the events of a store one order, numbered from 1 without gaps, and never changes it. Of pushes that come at once one
///   wins, the others are told [`PushRefusal::ServerAhead`](super::PushRefusal::ServerAhead) and nothing of them is appended
///   (`one_of_two_concurrent_pushes_wins`, `a_late_push_is_told_that_the_backend_is_ahead`). Stores are apart (`stores_are_isolated`).
/// - **The whole chain.** It checks each event of a push, not the first alone: a gap inside is an error, [`SyncMessage::Disconnected`] with
///   [`SyncError::Protocol`](super::SyncError::Protocol), and never "server ahead", which would be pushed for ever
///   (`an_inner_gap_is_an_error`, `a_push_beyond_the_end_is_refused`).
/// - **Repeats.** The longest beginning of a push that is stored already, under the same ids *at the same numbers*, counts as accepted, and
///   is appended once (`a_repeat_is_accepted_once`). An id that is stored at another number is refused for good, as
///   [`PushRefusal::Rejected`](super::PushRefusal::Rejected) (`ids_at_other_numbers_are_no_repeat`). Events without ids are never taken for
///   a repeat (`events_without_ids_are_no_repeat`).
/// - **What was pushed comes back**, args byte for byte where ids are kept (`events_come_back_as_they_were`), to all who follow, the one
///   who pushed it too (`a_live_pull_follows_others_and_itself`).
/// - **Groups.** One that keeps ids keeps commit groups, and does not split one over pages (`groups_are_not_split_over_pages`). It takes a
///   group of 1,000 events or 900,000 bytes in one push (`large_pushes_are_taken_whole`).
/// - **Pages** are bounded, by [`SyncPage::EVENTS_MAX`](super::SyncPage::EVENTS_MAX) and
///   [`SyncPage::BYTES_MAX`](super::SyncPage::BYTES_MAX), and say truly what follows (`ten_thousand_events_come_in_pages`,
///   `large_events_are_split_over_pages`). A pull is answered by at least one, also where nothing is new (`an_empty_log_is_one_empty_page`,
///   `a_pull_begins_after_its_cursor`), and ends the pull before (`a_new_pull_ends_the_one_before`).
/// - **A cursor past the end** is told, by [`SyncPage::head`](super::SyncPage::head) or by the end of the connection: neither events nor
///   silence follow (`an_unknown_cursor_is_told`).
/// - **Another backend.** One that was replaced or reset has another id. A pull with an id that is not its own gets a page under its own id
///   without events; a push is told [`PushRefusal::OtherBackend`](super::PushRefusal::OtherBackend) (`another_backend_surfaces`).
/// - **Connections** say that they stand, answer a ping, survive idling, and say why they end, a refusal apart from being offline
///   (`connects_and_answers_a_ping`, `wakes_who_waits`, `an_idle_connection_survives`, `a_cut_connection_says_so`, `a_reconnect_resumes`,
///   `offline_is_told`, `a_refusal_is_not_offline`, `clients_end_alone`).
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
