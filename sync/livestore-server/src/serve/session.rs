//! What WebSocket and HTTP have in common: a store, somebody who may use it, and the way to it.

use crate::auth::{Gate, Operation, Pass, Refusal, RejectedEvent};
use crate::hub::{Handed, OpenStore, Page, Seat};
use crate::log::{Push, Verdict};
use crate::metrics::METRICS;
use crate::storage::{Entry, StorageError};
use livestore_sync_protocol::{self as protocol, Close, LogEvent, PushVerdict, Read};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Somebody who was let in to a store.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) store: Arc<OpenStore>,
    pub(crate) gate: Gate,
    pub(crate) pass: Pass,
    /// `None` for a single request.
    pub(crate) seat: Option<Arc<Seat>>,
}

impl Session {
    /// Whether they may still read; else the connection has to be closed.
    pub(crate) async fn recheck(mut self) -> Result<Pass, Close> {
        let checked = self.gate.check(&mut self.pass, Operation::Read, SystemTime::now()).await;
        checked.map(|()| self.pass).map_err(|refusal| {
            tracing::info!(store = self.store.store_id(), %refusal, "a connection is closed");
            let code = match refusal {
                // Who cannot be asked says nothing about the client: it comes back.
                Refusal::Unavailable { .. } => Close::INTERNAL,
                _ => Close::UNAUTHORIZED,
            };
            Close::new(code, refusal.public().1)
        })
    }

    /// The verdict on a push, or why the connection has to be closed.
    pub(crate) async fn push(self, push: protocol::Push) -> Result<PushVerdict, Close> {
        match self.admit(push).await? {
            Admitted::Refused(verdict) => Ok(verdict),
            Admitted::Handed(handed) => verdict(handed).await,
        }
    }

    /// Asks the hooks about a push, and hands it to the store's owner; or says why the connection has to be closed.
    pub(crate) async fn admit(mut self, push: protocol::Push) -> Result<Admitted, Close> {
        let protocol::Push { batch, backend_id, .. } = push;
        match self.gate.check(&mut self.pass, Operation::Write, SystemTime::now()).await {
            Ok(()) => {}
            Err(refusal @ Refusal::Unauthenticated { .. }) => {
                // Who needs no token to read goes on reading.
                let may_read = self.gate.check(&mut self.pass, Operation::Read, SystemTime::now()).await.is_ok();
                let close = || Close::new(Close::UNAUTHORIZED, refusal.public().1);
                return if may_read { Ok(failed(&refusal)) } else { Err(close()) };
            }
            // Not for good: rights come and go, and what a client has committed stays pending until then.
            Err(refusal) => return Ok(failed(&refusal)),
        }
        match self.gate.validate(&self.pass, &batch).await {
            Ok(None) => {}
            Ok(Some(rejected)) => {
                let RejectedEvent { number, reason, .. } = rejected;
                return Ok(Admitted::Refused(PushVerdict::Rejected { number, reason }));
            }
            Err(refusal) => return Ok(failed(&refusal)),
        }
        let principal = self.pass.principal().name().map(Into::into);
        let push = Push { batch, backend_id, principal, at_ms: now_ms() };
        let handed = self.store.hand_over(self.seat.as_deref(), push).await;
        handed.map(Admitted::Handed).map_err(|error| Close::new(Close::INTERNAL, error.to_string()))
    }

    /// A part of the log, or why the connection has to be closed.
    pub(crate) async fn read(self, read: Read) -> Result<Page, Close> {
        let page = self.store.read(&read).await;
        if let Ok(page) = &page {
            METRICS.pages.add(1);
            METRICS.events_sent.add(page.entries.len() as u64);
        }
        page.map_err(|error| {
            tracing::error!(store = self.store.store_id(), %error, "a log cannot be read");
            match error {
                StorageError::Damaged { .. } => Close::new(Close::INTERNAL, "the log cannot be read"),
                _ => Close::new(Close::INTERNAL, "the log cannot be read now"),
            }
        })
    }
}

/// What became of a push before the store's owner judges it.
pub(crate) enum Admitted {
    Refused(PushVerdict),
    Handed(Handed),
}

fn failed(refusal: &Refusal) -> Admitted {
    Admitted::Refused(PushVerdict::Failed { reason: refusal.public().1.into() })
}

/// The owner's verdict on a push, or why the connection has to be closed.
pub(crate) async fn verdict(handed: Handed) -> Result<PushVerdict, Close> {
    match handed.verdict().await {
        Ok(Verdict::Judged(verdict)) => Ok(verdict),
        Ok(Verdict::Unknown) => Err(Close::new(Close::INTERNAL, "it is not known whether a push was stored")),
        Err(error) => Err(Close::new(Close::INTERNAL, error.to_string())),
    }
}

pub(crate) fn log_events(entries: Vec<Entry>) -> Vec<LogEvent> {
    entries.into_iter().map(LogEvent::from).collect()
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
