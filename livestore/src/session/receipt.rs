use crate::event::SequenceNumber;
use crate::ids::EventId;
use crate::leader::{LeaderHandle, Over, ReceiptSlot, SlotState, Verdict};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// What became of a commit: proof that it is safe now, and the way to learn of the later levels.
///
/// When [`Store::commit`](crate::Store::commit) returns one, the events are in state and survive the end of the process.
/// *Durable* means they survive a power loss. *Confirmed* means they have their final place in the eventlog; as long as
/// the store has met no sync backend that is provisional, and [`Outcome::is_provisional`] says so. Dropping a receipt changes nothing.
///
/// Whichever way a receipt tells an outcome, the store that committed has taken it by then: a query sees the commit at its final place,
/// behind what came before it, and sees nothing of it where it was rejected or kept aside. Only inside a live query's own closure,
/// where state stands still, that comes later.
///
/// ```no_run
/// # use livestore::*;
/// # use std::time::Duration;
/// # fn show(receipt: Receipt) -> Result<()> {
/// let outcome = receipt.wait(Duration::from_secs(5))?;
/// println!("the events ended at {}", outcome.number);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Receipt {
    first: EventId,
    events: usize,
    slot: Option<Arc<ReceiptSlot>>,
    /// A receipt that is kept does not keep the store open.
    leader: Weak<LeaderHandle>,
    session: Weak<dyn ReceiptHost>,
}

/// The session that committed, as its receipts see it.
pub(crate) trait ReceiptHost: Send + Sync {
    /// Takes what the leader told so far. Does nothing where the session is closed, or busy on this very thread.
    fn take_news(&self);
}

/// The end of a commit's way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The number of the last event of the commit.
    pub number: SequenceNumber,
    /// Why the commit is in the eventlog but not in state, if so.
    pub quarantined: Option<Arc<str>>,
    /// No sync backend has confirmed it, because the store had not met one yet: it was opened without a provider, or its backend was not
    /// reached so far. The backend that comes may still give it another number, or reject it
    /// ([`SyncStatus::rejected`](crate::SyncStatus::rejected) tells then, and this outcome does not).
    pub is_provisional: bool,
}

/// Why a receipt has nothing to tell yet, or never will.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time was over first. The commit is safe all the same.
    #[error("the commit was not {level} within {waited_ms} ms; it is safe, ask again later")]
    Timeout {
        /// The level that was waited for.
        level: &'static str,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// Waiting here would block the very work that is waited for.
    #[error("a live query's callback must not wait for a receipt; poll it, or await it elsewhere")]
    WouldBlock,
    /// The backend will never take the commit: it left the pending part and state, and is kept in the eventlog's file. See
    /// [`SyncStatus::rejected`](crate::SyncStatus::rejected).
    #[error("the backend rejected the commit: {reason}")]
    Rejected {
        /// What the backend said.
        reason: Arc<str>,
    },
    /// Another backend took the place of the one that the commit waited for, and the store was opened with
    /// [`OnOtherBackend::KeepAside`](crate::OnOtherBackend::KeepAside): the commit left state, and is in the copy of the eventlog that
    /// [`StoreStatus::kept_aside`](crate::StoreStatus::kept_aside) names.
    #[error("the commit is kept aside: {reason}")]
    KeptAside {
        /// What became of the eventlog that held it.
        reason: Arc<str>,
    },
    /// The store was closed first. The commit is safe and taken at the next start.
    #[error("the store was closed before the commit was {level}: {reason}")]
    Closed {
        /// The level that was waited for.
        level: &'static str,
        /// Why the store was closed.
        reason: Arc<str>,
    },
}

impl From<WaitError> for crate::error::Error {
    fn from(error: WaitError) -> Self {
        Self::new(error)
    }
}

impl Receipt {
    pub(crate) fn new(
        first: EventId,
        events: usize,
        slot: Option<Arc<ReceiptSlot>>,
        leader: Weak<LeaderHandle>,
        session: Weak<dyn ReceiptHost>,
    ) -> Self {
        Self { first, events, slot, leader, session }
    }

    /// The identity of the commit's first event; `None` where nothing was committed.
    #[must_use]
    pub fn first_event(&self) -> Option<EventId> {
        (self.events > 0).then_some(self.first)
    }

    /// How many events were committed.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events
    }

    /// The outcome, if it is known already.
    #[must_use]
    pub fn poll(&self) -> Option<Outcome> {
        let Some(slot) = &self.slot else { return Some(of_nothing()) };
        let told = end(&slot.state());
        self.take_news(told?).ok()
    }

    /// Whether the commit survives a power loss.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.state().durable)
    }

    /// Waits until the commit is confirmed: by the backend, once the store has met one. Until then, also in a store with a provider that
    /// was never reached, the store itself confirms, at once and provisionally. That outcome stays what it is, even where the backend
    /// later gives the commit another number or rejects it: look at [`Outcome::is_provisional`] where that matters, and let the store meet
    /// its backend first, see [`StoreBuilder::initial_sync`](crate::StoreBuilder::initial_sync) and
    /// [`Store::wait_synced`](crate::Store::wait_synced).
    ///
    /// # Errors
    /// The time was over or the store was closed first; the backend rejected the commit, or it is kept aside; or this is a callback, where
    /// waiting would block.
    pub fn wait(&self, timeout: Duration) -> Result<Outcome, WaitError> {
        let Some(slot) = &self.slot else { return Ok(of_nothing()) };
        self.wait_for(slot, timeout, |state| state.confirmed.is_some())?;
        let told = end(&slot.state());
        self.take_news(told.unwrap_or(Err(timed_out("confirmed", timeout))))
    }

    /// Waits until the commit survives a power loss.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_durable(&self, timeout: Duration) -> Result<(), WaitError> {
        let Some(slot) = &self.slot else { return Ok(()) };
        if let (false, Some(leader)) = (self.is_durable(), self.leader.upgrade()) {
            leader.hurry();
        }
        self.wait_for(slot, timeout, |state| state.durable)?;
        let state = slot.state();
        if state.durable {
            return Ok(());
        }
        let ended = end(&state).and_then(Result::err);
        drop(state);
        self.take_news(Err(match ended {
            Some(WaitError::Closed { reason, .. }) => WaitError::Closed { level: "durable", reason },
            Some(ended) => ended,
            None => timed_out("durable", timeout),
        }))
    }

    fn wait_for(
        &self,
        slot: &ReceiptSlot,
        timeout: Duration,
        is_reached: impl Fn(&SlotState) -> bool,
    ) -> Result<(), WaitError> {
        let is_over = |state: &SlotState| is_reached(state) || state.is_over();
        if !is_over(&slot.state()) && crate::callback::is_in_callback() {
            return Err(WaitError::WouldBlock);
        }
        slot.wait(timeout, is_over);
        Ok(())
    }

    /// The leader tells a session before it tells its receipts: what this gives back, state has taken too.
    fn take_news<T>(&self, told: T) -> T {
        if let Some(session) = self.session.upgrade() {
            session.take_news();
        }
        told
    }
}

/// Resolves when the commit is confirmed, or never will be, or the store is closed.
impl Future for Receipt {
    type Output = Result<Outcome, WaitError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(slot) = &self.slot else { return Poll::Ready(Ok(of_nothing())) };
        let mut state = slot.state();
        let Some(told) = end(&state) else {
            ReceiptSlot::wake_on_change(&mut state, context.waker());
            return Poll::Pending;
        };
        drop(state);
        Poll::Ready(self.take_news(told))
    }
}

/// Where nothing was committed.
fn of_nothing() -> Outcome {
    Outcome { number: SequenceNumber::ROOT, quarantined: None, is_provisional: true }
}

fn timed_out(level: &'static str, waited: Duration) -> WaitError {
    WaitError::Timeout { level, waited_ms: waited.as_millis() as u64 }
}

/// How the commit's way ended, if it did.
fn end(state: &SlotState) -> Option<Result<Outcome, WaitError>> {
    if let Some((number, verdict)) = &state.confirmed {
        let quarantined = match verdict {
            Verdict::Applied => None,
            Verdict::Quarantined(reason) => Some(Arc::clone(reason)),
        };
        return Some(Ok(Outcome { number: *number, quarantined, is_provisional: state.is_provisional }));
    }
    let reason = state.over.as_ref()?;
    Some(Err(match reason.clone() {
        Over::Rejected(reason) => WaitError::Rejected { reason },
        Over::KeptAside(reason) => WaitError::KeptAside { reason },
        Over::Closed(reason) => WaitError::Closed { level: "confirmed", reason },
    }))
}
