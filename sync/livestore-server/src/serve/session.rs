//! What WebSocket and HTTP have in common: a store, somebody who may use it, and the way to it.

use crate::auth::{Gate, Operation, Pass, Refusal};
use crate::hub::{OpenStore, Page};
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
}

impl Session {
    /// Whether they may still read; else the connection has to be closed.
    pub(crate) async fn recheck(mut self) -> Result<Pass, Close> {
        let checked = self.gate.check(&mut self.pass, Operation::Read, SystemTime::now()).await;
        checked.map(|()| self.pass).map_err(|refusal| {
            tracing::info!(store = self.store.store_id(), %refusal, "a connection is closed");
            Close::new(Close::UNAUTHORIZED, refusal.public().1)
        })
    }

    /// The verdict on a push, or why the connection has to be closed.
    pub(crate) async fn push(mut self, push: protocol::Push) -> Result<PushVerdict, Close> {
        let protocol::Push { batch, backend_id, .. } = push;
        match self.gate.check(&mut self.pass, Operation::Write, SystemTime::now()).await {
            Ok(()) => {}
            Err(refusal @ Refusal::Unauthenticated { .. }) => {
                return Err(Close::new(Close::UNAUTHORIZED, refusal.public().1));
            }
            // Not for good: rights come and go, and what a client has committed stays pending until then.
            Err(refusal) => return Ok(PushVerdict::Failed { reason: refusal.public().1.into() }),
        }
        match self.gate.validate(&self.pass, &batch).await {
            Ok(None) => {}
            Ok(Some(rejected)) => {
                return Ok(PushVerdict::Rejected { number: rejected.number, reason: rejected.reason });
            }
            Err(refusal) => return Ok(PushVerdict::Failed { reason: refusal.public().1.into() }),
        }
        let principal = self.pass.principal().name().map(Into::into);
        let push = Push { batch, backend_id, principal, at_ms: now_ms() };
        match self.store.push(push).await {
            Ok(Verdict::Judged(verdict)) => Ok(verdict),
            Ok(Verdict::Unknown) => Err(Close::new(Close::INTERNAL, "it is not known whether a push was stored")),
            Err(error) => Err(Close::new(Close::INTERNAL, error.to_string())),
        }
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

pub(crate) fn log_events(entries: Vec<Entry>) -> Vec<LogEvent> {
    let event = |entry: Entry| {
        let Entry { number, rest, created_at_ms, body, .. } = entry;
        LogEvent { number, rest, created_at_ms, body }
    };
    entries.into_iter().map(event).collect()
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
