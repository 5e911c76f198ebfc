//! Whether a push may follow a log.

use crate::storage::NUMBER_MAX;
use livestore_sync_protocol::{BackendId, BatchError, Event, Limits, PushVerdict, check_push};

/// What is to be done with a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It follows the log: append it.
    Append,
    /// It begins inside the log, and its events have ids: it may be a repeat. Compare it with what is stored after this number.
    Compare {
        /// The number before its first event.
        after: u64,
    },
    /// Nothing is to be done.
    Verdict(PushVerdict),
}

/// Judges a push on a log with this backend id and head. The whole chain is checked, not its first link alone: a gap inside it
/// would be stored for ever. The order of the checks is that of sync-cf 0.4.0 (measured), whose clients hang on it.
#[must_use]
pub fn admit(backend_id: &BackendId, head: u64, known_backend: Option<&str>, batch: &[Event]) -> Admission {
    let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
        return Admission::Verdict(PushVerdict::Accepted { head });
    };
    if let Err(error) = check_push(batch, &Limits::default()) {
        return Admission::Verdict(match error {
            BatchError::EventTooLarge { number, .. } => PushVerdict::Rejected { number, reason: error.to_string() },
            _ => PushVerdict::Failed { reason: error.to_string() },
        });
    }
    if known_backend.is_some_and(|known| known != backend_id.as_str()) {
        return Admission::Verdict(PushVerdict::OtherBackend { backend_id: backend_id.clone() });
    }
    match first.parent {
        parent if parent == head && last.number > NUMBER_MAX => {
            Admission::Verdict(PushVerdict::Failed { reason: format!("a log ends at e{NUMBER_MAX} at the latest") })
        }
        parent if parent == head => Admission::Append,
        // Events without ids are never taken for repeats: two equal ones can be meant.
        after if after < head && first.id.is_some() => Admission::Compare { after },
        _ => Admission::Verdict(PushVerdict::ServerAhead { head }),
    }
}
