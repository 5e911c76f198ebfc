//! Whether a push may follow a log.

use crate::storage::NUMBER_MAX;
use livestore_sync_protocol::{Event, Failure, Limits};

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
    /// It has no events.
    Nothing,
    /// It is refused.
    Refuse(Failure),
}

/// What an event costs a page beyond its own JSON, generously.
const PAGE_BYTES: usize = 1_000;

/// Judges a push on a log with this backend id and head. The whole chain is checked, not its first link alone: a gap inside it
/// would be stored for ever. The order of the checks is that of sync-cf 0.4.0 (measured), whose clients hang on it.
#[must_use]
pub fn admit(backend_id: &str, head: u64, known_backend: Option<&str>, batch: &[Event]) -> Admission {
    let Some(first) = batch.first() else { return Admission::Nothing };
    if let Err(failure) = check_chain(batch).and_then(|()| check_groups(batch)) {
        return Admission::Refuse(failure);
    }
    if let Some(received) = known_backend.filter(|known| *known != backend_id) {
        return Admission::Refuse(Failure::BackendIdMismatch {
            expected: backend_id.into(),
            received: received.into(),
        });
    }
    match first.parent {
        parent if parent == head => Admission::Append,
        // Events without ids are never taken for repeats: two equal ones can be meant.
        after if after < head && first.id.is_some() => Admission::Compare { after },
        provided => Admission::Refuse(Failure::ServerAhead { head, provided }),
    }
}

fn check_chain(batch: &[Event]) -> Result<(), Failure> {
    let mut expected = batch.first().map_or(0, |first| first.parent);
    for event in batch {
        if event.parent != expected || event.number != expected + 1 {
            let Event { number, parent, .. } = event;
            let gap = format!("e{number} after e{parent} cannot follow e{expected} in one push");
            return Err(Failure::unknown(&gap));
        }
        if event.number > NUMBER_MAX {
            return Err(Failure::unknown(&format!("no event can have a number beyond {NUMBER_MAX}")));
        }
        let bytes = event.json_bytes();
        if bytes + PAGE_BYTES > Limits::MESSAGE_BYTES {
            let max = Limits::MESSAGE_BYTES - PAGE_BYTES;
            return Err(Failure::rejected(event.number, format!("an event of {bytes} bytes, at most {max}")));
        }
        expected = event.number;
    }
    Ok(())
}

/// A commit group comes whole, in one push: what is missing could come from somebody else's push, or never.
fn check_groups(batch: &[Event]) -> Result<(), Failure> {
    let mut due = 0;
    let (mut events, mut bytes) = (0, 0);
    for event in batch {
        let rest = event.rest.unwrap_or(0);
        if due > 0 && event.rest != Some(due - 1) {
            return Err(Failure::unknown(&format!("the commit group before e{} is not whole", event.number)));
        }
        if due == 0 {
            (events, bytes) = (0, 0);
        }
        events += 1;
        bytes += event.payload_bytes();
        due = rest;
        if events + due as usize > Limits::GROUP_EVENTS || (events > 1 && bytes > Limits::GROUP_BYTES) {
            let (max, max_bytes) = (Limits::GROUP_EVENTS, Limits::GROUP_BYTES);
            let too_large = format!("a commit group of more than {max} events or {max_bytes} bytes");
            return Err(Failure::rejected(event.number, too_large));
        }
    }
    if due > 0 {
        return Err(Failure::unknown("the last commit group of the push is not whole"));
    }
    Ok(())
}
