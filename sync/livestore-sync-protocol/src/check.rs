use crate::{Event, Failure, Limits};

/// Why a push is none that a log could take, whatever the log holds.
///
/// The server of sync-cf 0.4.0 looks at the first event's parent only, and stores batches with gaps (measured). A gap inside a push
/// is an error of its own here, and never "server ahead": pulling would not heal it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// An event does not follow its parent, or the event before it.
    #[error("e{number} of a push has the parent e{parent} where e{expected} comes before it")]
    Gap {
        /// Its number.
        number: u64,
        /// Its parent.
        parent: u64,
        /// What its parent should be.
        expected: u64,
    },
    /// A number that clients in JavaScript cannot count to.
    #[error("e{number} of a push is beyond e{}, the last number there can be", Limits::NUMBER)]
    NumberTooLarge {
        /// The number.
        number: u64,
    },
    /// An event that fits no page.
    #[error("e{number} has {bytes} bytes, at most {max}")]
    EventTooLarge {
        /// Its number.
        number: u64,
        /// Its size as JSON.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// More events than a push may have that is not a single commit group.
    #[error("a push of {count} events, at most {max}, or one commit group of {}", Limits::GROUP_EVENTS)]
    TooManyEvents {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// More payload than a push may have.
    #[error("a push of {bytes} bytes, at most {max}")]
    TooManyBytes {
        /// How many, of names and args.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A commit group is not there to its end, or something else stands inside it.
    #[error("e{number} of a push leaves its commit group {missing} events early")]
    BrokenGroup {
        /// The last event that belongs to it.
        number: u64,
        /// How many events of it should follow.
        missing: u32,
    },
}

impl BatchError {
    /// What a client is told. An event that is too large is refused for good, so that its client can set it aside.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::EventTooLarge { number, .. } => Failure::rejected(*number, self.to_string()),
            _ => Failure::unknown(&self.to_string()),
        }
    }
}

/// Checks all of a push that can be checked without the log: the chain, the numbers, the sizes, the commit groups.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_push(batch: &[Event], limits: &Limits) -> Result<(), BatchError> {
    check_chain(batch)?;
    check_groups(batch)?;
    let is_one_group = batch.first().and_then(|first| first.rest).is_some_and(|rest| rest as usize + 1 == batch.len());
    let max = if is_one_group { Limits::GROUP_EVENTS } else { Limits::MESSAGE_EVENTS };
    if batch.len() > max {
        return Err(BatchError::TooManyEvents { count: batch.len(), max });
    }
    let mut all = 0;
    for event in batch {
        let (number, bytes, max) = (event.number, event.json_bytes(), limits.event_bytes);
        if bytes > max {
            return Err(BatchError::EventTooLarge { number, bytes, max });
        }
        all += bytes;
    }
    let bytes = batch.iter().map(Event::payload_bytes).sum();
    if bytes > Limits::GROUP_BYTES {
        return Err(BatchError::TooManyBytes { bytes, max: Limits::GROUP_BYTES });
    }
    // A group goes out as one page, which has to fit a frame: or nobody who keeps groups could ever read on.
    let max = Limits::GROUP_BYTES + batch.len() * Limits::EVENT_AROUND_BYTES;
    if all > max {
        return Err(BatchError::TooManyBytes { bytes: all, max });
    }
    Ok(())
}

/// Checks that each event follows its parent and the event before it, and that numbers stay in range.
///
/// # Errors
/// The first event that does not.
pub fn check_chain(batch: &[Event]) -> Result<(), BatchError> {
    let mut expected = batch.first().map_or(0, |first| first.parent);
    for event in batch {
        let Event { number, parent, .. } = *event;
        if number > Limits::NUMBER {
            return Err(BatchError::NumberTooLarge { number });
        }
        if parent != expected || parent.checked_add(1) != Some(number) {
            let expected = if parent == expected { number.saturating_sub(1) } else { expected };
            return Err(BatchError::Gap { number, parent, expected });
        }
        expected = number;
    }
    Ok(())
}

/// Checks that every commit group that begins is there to its end. Events without a group are groups of their own.
///
/// # Errors
/// The first group that is not.
pub fn check_groups(batch: &[Event]) -> Result<(), BatchError> {
    let mut open = 0;
    for event in batch {
        if open > 0 && event.rest != Some(open - 1) {
            return Err(BatchError::BrokenGroup { number: event.parent, missing: open });
        }
        open = event.rest.unwrap_or(0);
    }
    match (open, batch.last()) {
        (1.., Some(last)) => Err(BatchError::BrokenGroup { number: last.number, missing: open }),
        _ => Ok(()),
    }
}
