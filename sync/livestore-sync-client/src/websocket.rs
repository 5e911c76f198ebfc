//! A WebSocket on a thread of its own.

mod dial;
mod line;
mod link;
mod stream;
mod upgrade;

use crate::client::Setup;
use crate::end::End;
use crate::mailbox::{Mailbox, StoreEnd, ThreadEnd};
use line::Line;
use livestore::SyncError;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

/// Begins a connection.
pub(crate) fn begin(setup: Arc<Setup>, store_id: String, wake: Waker) -> StoreEnd {
    let (poll, bell) = match Line::poll() {
        Ok((poll, bell)) => (Ok(poll), Some(bell)),
        Err(error) => (Err(error), None),
    };
    let mailbox = Mailbox::new(wake, bell);
    let thread_end = ThreadEnd(Arc::clone(&mailbox));
    let begun = poll.and_then(|poll| {
        let line = Line::new(poll, Arc::clone(&mailbox));
        let run = move || run(&setup, &store_id, line, &thread_end);
        std::thread::Builder::new().name("livestore-sync-ws".into()).spawn(run)
    });
    if let Err(error) = begun {
        mailbox.end(SyncError::Offline { reason: format!("no thread for a connection: {error}") });
    }
    StoreEnd(mailbox)
}

fn run(setup: &Setup, store_id: &str, mut line: Line, thread_end: &ThreadEnd) {
    let credentials = match setup.credentials.ask() {
        Ok(credentials) => credentials,
        Err(error) => return thread_end.0.end(error),
    };
    let deadline = Instant::now() + setup.times.connect;
    let ended = dial::dial(&mut line, setup, deadline)
        .and_then(|stream| upgrade::upgrade(&mut line, stream, setup, store_id, &credentials, deadline))
        .map(|socket| link::Link::new(setup, store_id, &credentials, line, socket).run());
    if let Ok(End::Lost(error)) | Err(End::Lost(error)) = ended {
        let error = credentials.hide_in(error);
        tracing::debug!(%error, backend = ?setup.address, "a connection ended");
        thread_end.0.end(error);
    }
}
