//! Defects that can be switched on in tests, to see that the model check finds them. In a build for use none is ever on.

/// A defect, most of them one that LiveStore for TypeScript had.
#[cfg_attr(not(test), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Neither the uplink nor the merge checks what a confirmed group follows.
    NobodyChecksGaps,
    /// A page that does not follow the head is applied.
    UplinkTakesGaps,
    /// A page that came before is applied again.
    UplinkTakesOverlaps,
    /// What upstream confirms is taken for the first pending group, whatever its id.
    EchoByPosition,
    /// A confirmed group that stands behind a client-only one stays pending.
    ClientOnlyShiftsTheIndex,
    /// Client-only groups stay pending.
    ClientOnlyLingers,
    /// The epoch begins again when all is confirmed.
    EpochResets,
    /// What is refused as behind waits for pages that nobody asked for.
    ServerAheadWaits,
    /// After a refusal nothing is pushed any more.
    FenceStays,
    /// It pushes what it holds before it has pulled.
    PushBeforePull,
    /// A page with more to come counts as the last one.
    CatchUpEndsEarly,
    /// No deadline for the answer to a push.
    PushWaitsForEver,
    /// No deadline for accepted events to come back.
    EchoWaitsForEver,
    /// No deadline for a page.
    PageWaitsForEver,
    /// A rejected event is tried again and again.
    RejectedIsRetried,
    /// A rejection drops the first event of its push.
    RejectDropsTheFirst,
    /// A dropped group stays pending.
    DroppedStays,
    /// A group that upstream accepted is pending a second time.
    AcceptedTwice,
    /// What is confirmed still counts as accepted and pending.
    BoundaryStays,
    /// What is left of a group that was confirmed in part is lost.
    RestIsLost,
    /// Identities that a backend gave are not recognised.
    ReplacedIsForeign,
    /// State is redone from one group too late.
    RedoesTooLate,
    /// After a refusal the push goes on behind what was refused.
    PushSkipsRefused,
    /// A leader that starts forgets what it took from the journals.
    JournalTakenTwice,
}

#[cfg(not(test))]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}

#[cfg(test)]
pub(crate) use switch::{is, with};

#[cfg(test)]
mod switch {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    pub(crate) fn is(mutant: Mutant) -> bool {
        ON.get() == Some(mutant)
    }

    /// Runs with one defect, on this thread.
    pub(crate) fn with<T>(mutant: Mutant, run: impl FnOnce() -> T) -> T {
        ON.set(Some(mutant));
        let result = run();
        ON.set(None);
        result
    }
}
