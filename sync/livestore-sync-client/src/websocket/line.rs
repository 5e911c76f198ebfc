use crate::end::End;
use crate::mailbox::Mailbox;
use mio::{Events, Poll, Token};
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// What a connection's thread waits with: for its socket, and for its store.
pub(super) struct Line {
    pub(super) poll: Poll,
    events: Events,
    pub(super) mailbox: Arc<Mailbox>,
}

const BELL: Token = Token(0);
pub(super) const SOCKET: Token = Token(1);

impl Line {
    pub(super) fn poll() -> io::Result<(Poll, mio::Waker)> {
        let poll = Poll::new()?;
        let bell = mio::Waker::new(poll.registry(), BELL)?;
        Ok((poll, bell))
    }

    pub(super) fn new(poll: Poll, mailbox: Arc<Mailbox>) -> Self {
        Self { poll, events: Events::with_capacity(8), mailbox }
    }

    /// Sleeps until the socket may have something, the store rings, or the time is there.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> Result<(), End> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(End::of(&error)),
        }
        if self.mailbox.is_over() { Err(End::Dropped) } else { Ok(()) }
    }

    /// The same, where the deadline is the end.
    pub(super) fn wait_within(&mut self, deadline: Instant, what: &str) -> Result<(), End> {
        self.wait(Some(deadline))?;
        if Instant::now() >= deadline { Err(End::offline(format!("{what} took too long"))) } else { Ok(()) }
    }
}
