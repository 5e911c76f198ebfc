//! HTTP on a thread of its own: a request for each thing to be said, and one every few seconds for news.

mod array;
mod poller;
mod wire;

use crate::client::Setup;
use crate::end::End;
use crate::mailbox::{Mailbox, StoreEnd, ThreadEnd};
use livestore::SyncError;
use poller::Poller;
use std::sync::Arc;
use std::task::Waker;
use wire::Wire;

/// Begins a connection.
pub(crate) fn begin(setup: Arc<Setup>, store_id: String, wake: Waker) -> StoreEnd {
    let mailbox = Mailbox::new(wake, None);
    let thread_end = ThreadEnd(Arc::clone(&mailbox));
    let run = move || run(&setup, &store_id, &thread_end);
    let begun = std::thread::Builder::new().name("livestore-sync-http".into()).spawn(run);
    if let Err(error) = begun {
        mailbox.end(SyncError::Offline { reason: format!("no thread for a connection: {error}") });
    }
    StoreEnd(mailbox)
}

fn run(setup: &Setup, store_id: &str, thread_end: &ThreadEnd) {
    let credentials = match setup.credentials.ask() {
        Ok(credentials) => credentials,
        Err(error) => return thread_end.0.end(error),
    };
    let wire = Wire::new(setup, store_id, &credentials);
    let end = Poller::new(setup, store_id, &credentials, wire, &thread_end.0).run();
    if let End::Lost(error) = end {
        let error = credentials.hide_in(error);
        tracing::debug!(%error, backend = ?setup.address, "a connection ended");
        thread_end.0.end(error);
    }
}
