//! Defects that can be switched on in tests, to see that the tests find them. In a build for users none is ever on, and nothing of
//! this is there but a name.
#![cfg_attr(not(feature = "crash-points"), allow(unreachable_pub))]

/// Which of the project's searches has to find a defect.
#[cfg(any(test, feature = "crash-points"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harness {
    /// The exhaustive search and the random walks of the merge and the connection.
    Model,
    /// Whole clients in virtual time.
    Simulator,
    /// The tests by example, and processes that abort at a named point.
    Examples,
    /// Disks that fail at each of their points.
    Disks,
    /// Processes that share a directory.
    Processes,
    /// The tests of this crate.
    Units,
}

macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $name:ident: $rule:literal, $($harness:ident)+;)+) => {
        /// A defect, most of them one that LiveStore for TypeScript had.
        #[cfg_attr(not(any(test, feature = "crash-points")), allow(dead_code))]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $doc])+ $name,)+
        }

        #[cfg(any(test, feature = "crash-points"))]
        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What it does wrong.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }.trim_start()
            }

            /// The promise that it breaks.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)+ }
            }

            /// Who has to find it.
            #[must_use]
            pub const fn finders(self) -> &'static [Harness] {
                match self { $(Self::$name => &[$(Harness::$harness),+],)+ }
            }

            /// Those that one harness has to find.
            pub fn found_by(harness: Harness) -> impl Iterator<Item = Self> {
                Self::ALL.iter().copied().filter(move |mutant| mutant.finders().contains(&harness))
            }
        }
    };
}

mutants! {
    /// Neither the connection nor the merge checks what a confirmed group follows, as in the original.
    NobodyChecksGaps: "O1", Model;
    /// A page that does not follow the head is applied.
    UplinkTakesGaps: "O1", Model;
    /// A page that came before is applied again.
    UplinkTakesOverlaps: "O4", Model Simulator;
    /// What upstream confirms is taken for the first pending group, whatever its id.
    EchoByPosition: "O4", Model Simulator;
    /// A confirmed group that stands behind a client-only one stays pending, and is pushed again: the original's divergence point.
    ClientOnlyShiftsTheIndex: "O4", Model Simulator;
    /// Client-only groups stay pending, as in the original.
    ClientOnlyLingers: "L1", Model Simulator;
    /// The epoch begins again when all is confirmed, as the original's rebase generation does.
    EpochResets: "O5", Model;
    /// What is refused as behind waits for pages that nobody asked for: the original parks.
    ServerAheadWaits: "L1", Model Simulator;
    /// After a refusal nothing is pushed any more: the original's admission fence.
    FenceStays: "L1", Model Simulator;
    /// It pushes what it holds before it has pulled.
    PushBeforePull: "O5", Model;
    /// A page with more to come counts as the last one.
    CatchUpEndsEarly: "L1", Model;
    /// No deadline for the answer to a push.
    PushWaitsForEver: "L3", Model;
    /// No deadline for accepted events to come back: the original waits for an echo that was lost.
    EchoWaitsForEver: "L3", Model;
    /// No deadline for a page.
    PageWaitsForEver: "L3", Model;
    /// A rejected event is tried again and again, and all behind it waits: the original has no typed rejection.
    RejectedIsRetried: "L7", Model Simulator;
    /// A rejection drops the first event of its push.
    RejectDropsTheFirst: "L2", Model Simulator;
    /// A dropped group stays pending.
    DroppedStays: "L7", Model Simulator;
    /// A group that upstream accepted is pending a second time.
    AcceptedTwice: "O4", Model Simulator;
    /// What is confirmed still counts as accepted and pending.
    BoundaryStays: "L2", Model Simulator;
    /// What is left of a group that was confirmed in part is lost.
    RestIsLost: "O4", Model Simulator;
    /// Identities that a backend gave are not recognised.
    ReplacedIsForeign: "O4", Model Simulator;
    /// State is redone from one group too late.
    RedoesTooLate: "C2", Model Simulator;
    /// After a refusal the push goes on behind what was refused, as the original's did.
    PushSkipsRefused: "O5", Model;
    /// A leader that starts forgets what it took from the journals.
    JournalTakenTwice: "O4", Model Simulator;
    /// What was committed and not handed over is forgotten at the next start: the original's sessions lose it.
    PendingLostAtRestart: "D1", Examples;
    /// A commit returns before it is kept: the original persists it later.
    CommitNotKept: "D1", Examples;
    /// State is stored before the log, and nobody compares them: the original commits state first.
    StateBeforeLog: "D4", Examples;
    /// State that lags the log is taken for complete, as in the original.
    StateLagNotSeen: "D5", Examples;
    /// Events leave the pending part in one transaction and get their place in another: the original's rollback.
    PlaceInAnotherTransaction: "D3", Disks;
    /// The head moves before the events are stored, as in the original.
    HeadMovesFirst: "D3", Disks;
    /// A push ends in the middle of a commit group: a group is whole in its own session only.
    PushSplitsGroups: "O6", Simulator;
    /// A page ends in the middle of a commit group.
    PageSplitsGroups: "O6", Simulator;
    /// A group that fails leaves what it wrote until then.
    HalfGroupStays: "O6", Simulator;
    /// An event that cannot be materialized at its final place stops the leader instead of being put aside, as in the original.
    MaterializerErrorStops: "L5", Simulator;
    /// A rebase applies on top of what it should have undone.
    RebaseKeepsState: "C3", Simulator;
    /// A rebase undoes the end of the tail only, wherever the change is.
    RebaseUndoesTheEnd: "C3", Simulator;
    /// What a rebase undid is not among what live queries are told of: the original's stale results.
    QueriesMissWhatWasUndone: "C7", Examples;
    /// A live query's dependencies are those of its first run, as in the original.
    DependenciesAreFrozen: "C7", Examples;
    /// Outcomes go to the receipts in the order in which they wait, whatever they are of.
    ReceiptByPosition: "L2", Simulator;
    /// A receipt tells the outcome when the leader takes the group.
    ReceiptTellsTooEarly: "D1", Simulator;
    /// When another backend confirms, what it has not seen is wiped: the original's reset.
    AttachWipes: "D7", Simulator;
    /// After a lost connection, what is pending goes out under new ids.
    ResentUnderNewIds: "O4", Simulator;
    /// Client-only events are pushed like all others.
    ClientOnlyLeaves: "S1", Simulator;
    /// State of another version of the application is used as it is: the original looks at the shapes of tables alone.
    FingerprintIgnored: "E3", Examples;
    /// Every error, of the disk as well, counts as the event's own.
    EveryErrorQuarantines: "D8", Disks;
    /// A commit that is refused closes its store, as in the original.
    RefusalCloses: "L5", Simulator;
    /// The base of a session moves past what is pending.
    BaseTakesPending: "C3", Simulator;
    /// Any error but a lost network ends the connection for ever: the original stops pulling.
    ErrorEndsSync: "L5", Simulator;
    /// A rejected group is pending again after the next start.
    RejectionForgotten: "L2", Simulator;
    /// A backend with another history is not noticed.
    ForkNotSeen: "O2", Examples;
    /// Retries do not wait: the original's hot loop while it is offline.
    RetriesAtOnce: "L5", Simulator;
    /// A write that breaks a constraint is left out, and the group goes on.
    ConstraintIgnored: "C4", Examples;
    /// What is too large for one push is never sent, and nothing behind it: the original takes such a commit, and stops.
    LargeNeverSent: "L7", Examples;
    /// Groups that come twice around a change of leaders are taken twice.
    LateCopyTaken: "O4", Processes;
    /// A leader that was replaced goes on writing.
    FenceNotChecked: "D9", Units;
    /// A session that begins while the leader is at work misses what comes next: the original's sessions with an old cursor.
    NewSessionMissesNews: "L1", Examples;
}

#[cfg(not(any(test, feature = "crash-points")))]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}

#[cfg(any(test, feature = "crash-points"))]
pub(crate) use switch::is;
#[cfg(any(test, feature = "crash-points"))]
pub use switch::with;

#[cfg(any(test, feature = "crash-points"))]
mod switch {
    use super::Mutant;
    use std::cell::Cell;
    use std::sync::OnceLock;

    thread_local! {
        static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// What `LIVESTORE_MUTANT=Name` switches on for a whole process, with all its threads.
    fn of_process() -> Option<Mutant> {
        static ASKED: OnceLock<Option<Mutant>> = OnceLock::new();
        let find = |name: String| Mutant::ALL.iter().copied().find(|mutant| format!("{mutant:?}") == name);
        *ASKED.get_or_init(|| std::env::var("LIVESTORE_MUTANT").ok().and_then(find))
    }

    pub(crate) fn is(mutant: Mutant) -> bool {
        ON.get() == Some(mutant) || of_process() == Some(mutant)
    }

    /// Runs with one defect, on this thread: a store that is [pumped](crate::StoreBuilder::pumped) does all its work on it.
    pub fn with<T>(mutant: Mutant, run: impl FnOnce() -> T) -> T {
        struct Before(Option<Mutant>);
        impl Drop for Before {
            fn drop(&mut self) {
                ON.set(self.0);
            }
        }
        let _before = Before(ON.replace(Some(mutant)));
        run()
    }
}
