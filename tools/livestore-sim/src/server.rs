//! This project's server: the owner of its log and both ends of its protocol as they are, over a storage in memory that survives the
//! process, in virtual time.

mod near;
mod process;
mod storage;

use livestore::{Fault, SyncError, SyncEvent};
use process::Site;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use near::Near;

/// What comes down a line to a client.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// The handshake is done.
    Open,
    Frame(String),
    /// The socket is closed, by whom that may be.
    Closed {
        code: Option<u16>,
        reason: String,
    },
    /// The handshake was refused.
    Refused(SyncError),
}

/// A server that is ended and started again, with the storage below it.
#[derive(Clone)]
pub(crate) struct SimServer(Arc<Mutex<Site>>);

impl SimServer {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Site::new(seed))))
    }

    fn site(&self) -> MutexGuard<'_, Site> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connect(&self) -> Line {
        let key = self.site().connect();
        Line { server: self.clone(), key }
    }

    pub(crate) fn advance(&self, now: Duration) {
        self.site().advance(now);
    }

    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.site().next_due()
    }

    pub(crate) fn on_push(&self, accepts: impl Fn(&SyncEvent) -> Result<(), String> + Send + Sync + 'static) {
        self.site().validator = Some(Box::new(accepts));
    }

    pub(crate) fn set_online(&self, is_online: bool) {
        self.site().set_online(is_online);
    }

    pub(crate) fn refuse_auth(&self, reason: Option<&str>) {
        self.site().refuse_auth(reason);
    }

    /// The server is stopped, and comes back as another backend with the beginning of its log.
    pub(crate) fn replace(&self, kept: usize) {
        let mut site = self.site();
        site.end_process("replaced");
        site.log.replace(kept);
    }

    /// The server is stopped, and comes back with an older copy of its log.
    pub(crate) fn rewind(&self, events: u64) {
        let mut site = self.site();
        site.end_process("restored");
        site.log.rewind(events);
    }

    pub(crate) fn inject(&self, fault: &Fault) {
        self.site().inject(fault);
    }

    pub(crate) fn clear_faults(&self) -> usize {
        self.site().clear_faults()
    }

    pub(crate) fn events(&self, _: &str) -> Vec<SyncEvent> {
        self.site().log.events().to_vec()
    }

    pub(crate) fn head(&self, _: &str) -> u64 {
        self.site().log.events().len() as u64
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.site().log.contains(text)
    }
}

/// The server's end of a connection.
pub(crate) struct Line {
    server: SimServer,
    key: u64,
}

impl Line {
    pub(crate) fn hear(&mut self, frame: &str) {
        self.server.site().hear(self.key, frame);
    }

    pub(crate) fn say(&mut self) -> Option<Said> {
        self.server.site().say(self.key)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.server.site().hang_up(self.key);
    }
}
