use crate::sync::{BackendId, SyncPage};

/// What goes wrong next at a [`MemoryBackend`](super::MemoryBackend), see [`inject`](super::MemoryBackend::inject).
///
/// A fault of pushes meets the next push, a fault of pages the next page that holds an event. Each meets one, in the order in
/// which they were injected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The push is judged as ever, its answer is lost, and the connection is cut.
    LoseAnswer,
    /// The push is lost, and the connection is cut.
    LosePush,
    /// The push is answered with [`PushRefusal::Busy`](crate::PushRefusal::Busy).
    Busy,
    /// A push that would be accepted is refused because of one of its new events, with
    /// [`PushRefusal::Rejected`](crate::PushRefusal::Rejected).
    Reject {
        /// Which of the new ones, counted from 0; the last one where the push has fewer.
        index: usize,
        /// What the refusal says.
        reason: String,
    },
    /// The page is lost, and what follows comes as if it had arrived: a gap.
    LosePage,
    /// The page comes twice.
    DuplicatePage,
    /// The page begins with events that came before.
    OverlapPage {
        /// How many.
        events: u64,
    },
    /// The page lacks one event from its middle.
    GapInPage,
    /// The page is cut down, and then the connection is cut.
    CutAfter {
        /// To so many events; where commit groups are kept, to whole groups, and to the first one at least.
        events: usize,
    },
    /// The page comes under the id of another backend.
    OtherBackendId,
    /// The page's numbers are close to the largest.
    GiantNumbers,
    /// The page's first event has a parent that does not come before it.
    WrongParent,
    /// The page's events come in reverse order.
    ReversedPage,
}

impl Fault {
    /// Whether it meets pushes; the others meet pages.
    pub(super) fn is_of_pushes(&self) -> bool {
        matches!(self, Self::LoseAnswer | Self::LosePush | Self::Busy | Self::Reject { .. })
    }

    /// Changes a page in place, as far as the fault is a matter of the page alone.
    pub(super) fn distort(&self, page: &mut SyncPage) {
        let events = &mut page.events;
        match self {
            Self::OtherBackendId => page.backend_id = BackendId::new("another-backend"),
            Self::GapInPage if !events.is_empty() => drop(events.remove((events.len() - 1) / 2)),
            Self::GiantNumbers => {
                for (event, back) in events.iter_mut().rev().zip(0..) {
                    event.number = u64::MAX - back;
                    event.parent = event.number - 1;
                }
            }
            Self::WrongParent => events.iter_mut().take(1).for_each(|event| event.parent = event.number),
            Self::ReversedPage => events.reverse(),
            _ => {}
        }
    }
}
