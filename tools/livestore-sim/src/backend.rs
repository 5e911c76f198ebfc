//! What clients sync with.

use crate::Plan;
use crate::network::Far;
#[cfg(feature = "server")]
use crate::server::SimServer;
use livestore::{Fault, MemoryBackend, SyncEvent, SyncProvider as _, SyncTarget};
use std::task::Waker;
use std::time::Duration;

/// A backend of one of the kinds that a plan may have.
#[derive(Clone)]
pub(crate) enum Backend {
    Memory(MemoryBackend),
    #[cfg(feature = "server")]
    Server(SimServer),
}

/// Does the same with either.
macro_rules! either {
    ($self:expr, $backend:ident => $act:expr) => {
        match $self {
            Backend::Memory($backend) => $act,
            #[cfg(feature = "server")]
            Backend::Server($backend) => $act,
        }
    };
}

impl Backend {
    pub(crate) fn new(plan: &Plan) -> Self {
        #[cfg(feature = "server")]
        if plan.is_server {
            return Self::Server(SimServer::new(plan.seed ^ 0x5e77));
        }
        let backend = if plan.keeps_identity { MemoryBackend::new() } else { MemoryBackend::like_the_original() };
        Self::Memory(backend.with_id("simulated-backend"))
    }

    pub(crate) fn connect(&self, target: &SyncTarget) -> Far {
        match self {
            Self::Memory(backend) => Far::Memory(backend.connect(target, Waker::noop().clone())),
            #[cfg(feature = "server")]
            Self::Server(server) => Far::Server(server.connect()),
        }
    }

    /// Does what is due at a server; a backend in memory does everything at once.
    #[cfg_attr(not(feature = "server"), allow(unused_variables))]
    pub(crate) fn advance(&self, now: Duration) {
        match self {
            Self::Memory(_) => {}
            #[cfg(feature = "server")]
            Self::Server(server) => server.advance(now),
        }
    }

    pub(crate) fn next_due(&self) -> Option<Duration> {
        match self {
            Self::Memory(_) => None,
            #[cfg(feature = "server")]
            Self::Server(server) => server.next_due(),
        }
    }

    pub(crate) fn on_push(&self, accepts: impl Fn(&SyncEvent) -> Result<(), String> + Send + Sync + 'static) {
        either!(self, backend => backend.on_push(accepts));
    }

    pub(crate) fn set_online(&self, is_online: bool) {
        either!(self, backend => backend.set_online(is_online));
    }

    pub(crate) fn refuse_auth(&self, reason: Option<&str>) {
        either!(self, backend => backend.refuse_auth(reason));
    }

    /// Another backend comes with this beginning of the log.
    pub(crate) fn replace_with_log(&self, store_id: &str, events: Vec<SyncEvent>) -> Result<(), String> {
        match self {
            Self::Memory(backend) => backend.replace_with_log(store_id, events),
            #[cfg(feature = "server")]
            Self::Server(server) => {
                server.replace(events.len());
                Ok(())
            }
        }
    }

    pub(crate) fn rewind(&self, store_id: &str, events: u64) {
        match self {
            Self::Memory(backend) => backend.rewind(store_id, events),
            #[cfg(feature = "server")]
            Self::Server(server) => server.rewind(events),
        }
    }

    /// A server has faults of its own: what would break the protocol, it does not do.
    pub(crate) fn inject(&self, fault: Fault) {
        match self {
            Self::Memory(backend) => backend.inject(fault),
            #[cfg(feature = "server")]
            Self::Server(server) => server.inject(&fault),
        }
    }

    pub(crate) fn clear_faults(&self) {
        either!(self, backend => drop(backend.clear_faults()));
    }

    pub(crate) fn events(&self, store_id: &str) -> Vec<SyncEvent> {
        either!(self, backend => backend.events(store_id))
    }

    pub(crate) fn head(&self, store_id: &str) -> u64 {
        either!(self, backend => backend.head(store_id))
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        either!(self, backend => backend.contains(text))
    }
}
