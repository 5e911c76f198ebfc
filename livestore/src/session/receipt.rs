use crate::event::SequenceNumber;
use crate::ids::EventId;
use crate::leader::{LeaderHandle, ReceiptSlot, SlotState, Verdict};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// What became of a commit: proof that it is safe now, and the way to learn of the later levels.
///
/// When [`Store::commit`](crate::Store::commit) returns one, the events are in state and survive the end of the process.
/// *Durable* means they survive a power loss. *Confirmed* means they have their final place in the eventlog; without a sync
/// backend that is provisional, and [`Outcome::is_provisional`] says so. Dropping a receipt changes nothing.
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
}

/// The end of a commit's way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The number of the last event of the commit.
    pub number: SequenceNumber,
    /// Why the commit is in the eventlog but not in state, if so.
    pub quarantined: Option<Arc<str>>,
    /// No sync backend has confirmed it: attaching one later may still renumber it.
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
    /// The backend will never take the commit: it left the pending part and state, and is kept aside. See
    /// [`SyncStatus::rejected`](crate::SyncStatus::rejected).
    #[error("the backend rejected the commit: {reason}")]
    Rejected {
        /// What the backend said.
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
    ) -> Self {
        Self { first, events, slot, leader }
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
        match &self.slot {
            None => Some(Outcome { number: SequenceNumber::ROOT, quarantined: None, is_provisional: true }),
            Some(slot) => outcome(&slot.state()),
        }
    }

    /// Whether the commit survives a power loss.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.state().durable)
    }

    /// Waits until the commit is confirmed.
    ///
    /// # Errors
    /// The time was over or the store was closed first; or this is a callback, where waiting would block.
    pub fn wait(&self, timeout: Duration) -> Result<Outcome, WaitError> {
        self.wait_for("confirmed", timeout, |state| state.confirmed.is_some())?;
        self.poll().ok_or(WaitError::Timeout { level: "confirmed", waited_ms: 0 })
    }

    /// Waits until the commit survives a power loss.
    ///
    /// # Errors
    /// The time was over or the store was closed first; or this is a callback, where waiting would block.
    pub fn wait_durable(&self, timeout: Duration) -> Result<(), WaitError> {
        if let (false, Some(leader)) = (self.is_durable(), self.leader.upgrade()) {
            leader.hurry();
        }
        self.wait_for("durable", timeout, |state| state.durable)
    }

    fn wait_for(
        &self,
        level: &'static str,
        timeout: Duration,
        is_reached: impl Fn(&SlotState) -> bool,
    ) -> Result<(), WaitError> {
        let Some(slot) = &self.slot else { return Ok(()) };
        if !is_reached(&slot.state()) && crate::callback::is_in_callback() {
            return Err(WaitError::WouldBlock);
        }
        slot.wait(timeout, |state| is_reached(state) || state.rejected.is_some() || state.closed.is_some());
        let state = slot.state();
        match &state.closed {
            _ if is_reached(&state) => Ok(()),
            _ if state.rejected.is_some() => {
                Err(WaitError::Rejected { reason: state.rejected.clone().unwrap_or_default() })
            }
            Some(reason) => Err(WaitError::Closed { level, reason: Arc::clone(reason) }),
            None => Err(WaitError::Timeout { level, waited_ms: timeout.as_millis() as u64 }),
        }
    }
}

/// Resolves when the commit is confirmed, or the store is closed.
impl Future for Receipt {
    type Output = Result<Outcome, WaitError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(slot) = &self.slot else {
            return Poll::Ready(Ok(Outcome { number: SequenceNumber::ROOT, quarantined: None, is_provisional: true }));
        };
        let mut state = slot.state();
        if let Some(outcome) = outcome(&state) {
            return Poll::Ready(Ok(outcome));
        }
        if let Some(reason) = &state.rejected {
            return Poll::Ready(Err(WaitError::Rejected { reason: Arc::clone(reason) }));
        }
        if let Some(reason) = &state.closed {
            return Poll::Ready(Err(WaitError::Closed { level: "confirmed", reason: Arc::clone(reason) }));
        }
        ReceiptSlot::wake_on_change(&mut state, context.waker());
        Poll::Pending
    }
}

fn outcome(state: &SlotState) -> Option<Outcome> {
    let (number, verdict) = state.confirmed.as_ref()?;
    let quarantined = match verdict {
        Verdict::Applied => None,
        Verdict::Quarantined(reason) => Some(Arc::clone(reason)),
    };
    Some(Outcome { number: *number, quarantined, is_provisional: state.is_provisional })
}
