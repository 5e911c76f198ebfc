use super::{Cx, Link, Outcome, Pull, protocol, silent};
use crate::mutant::{self, Mutant};
use crate::sync::message::{PushRefusal, SyncError};
use crate::sync::uplink::UplinkOutput;
use crate::sync::uplink::backoff::Backoff;
use std::time::Duration;

/// What the push is at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Push {
    Idle,
    /// The leader was told to push.
    Ordered {
        deadline: Duration,
    },
    InFlight {
        first: u64,
        last: u64,
        deadline: Duration,
    },
    /// Accepted, and not pulled yet.
    Echo {
        last: u64,
        deadline: Duration,
    },
    /// The leader drops a rejected event.
    Rejecting {
        deadline: Duration,
    },
}

impl Push {
    pub(super) fn deadline(&self) -> Option<Duration> {
        match *self {
            Self::Idle => None,
            Self::Ordered { deadline }
            | Self::InFlight { deadline, .. }
            | Self::Echo { deadline, .. }
            | Self::Rejecting { deadline } => Some(deadline),
        }
    }
}

impl Link {
    /// Whether events are under way whose outcome is not known.
    pub(in crate::sync::uplink) fn is_pushing(&self) -> bool {
        matches!(self.push, Push::InFlight { .. })
    }

    pub(super) fn try_push(&mut self, cx: &mut Cx<'_>) {
        let is_free = self.push == Push::Idle && self.push_after.is_none();
        let is_pulled = self.pull == Pull::Live || mutant::is(Mutant::PushBeforePull);
        if is_free && is_pulled && cx.facts.pending > 0 {
            self.push = Push::Ordered { deadline: cx.now + cx.options.push_timeout };
            cx.out.push(UplinkOutput::Push);
        }
    }

    pub(super) fn push_sent(&mut self, first: u64, last: u64) {
        if let Push::Ordered { deadline } = self.push {
            self.push = Push::InFlight { first, last, deadline };
        }
    }

    /// It is on its way, or its answer.
    pub(super) fn push_moves(&mut self, cx: &Cx<'_>) {
        match &mut self.push {
            Push::InFlight { deadline, .. } => *deadline = cx.now + cx.options.push_timeout,
            Push::Echo { deadline, .. } => *deadline = cx.now + cx.options.echo_timeout,
            Push::Idle | Push::Ordered { .. } | Push::Rejecting { .. } => {}
        }
    }

    pub(super) fn nothing_sent(&mut self, cx: &mut Cx<'_>) {
        if let Push::Ordered { .. } = self.push {
            self.push = Push::Idle;
            self.push_after = Some(cx.now + cx.options.retry_min);
        }
    }

    pub(super) fn pushed(&mut self, cx: &mut Cx<'_>) -> Outcome {
        if let Push::InFlight { last, .. } = self.push {
            self.busy = Backoff::default();
            self.refused_for = None;
            // It goes on when the events came by the pull: until then they are pending, and would be pushed again.
            self.push = Push::Echo { last, deadline: cx.now + cx.options.echo_timeout };
        }
        Outcome::Goes
    }

    pub(super) fn push_refused(&mut self, refusal: PushRefusal, cx: &mut Cx<'_>) -> Outcome {
        let in_flight = if let Push::InFlight { first, last, .. } = self.push { Some((first, last)) } else { None };
        match (refusal, in_flight) {
            (PushRefusal::OtherBackend { found }, _) => {
                self.push = Push::Idle;
                return self.other_backend(found, cx);
            }
            (PushRefusal::ServerAhead { head }, _) => return self.server_ahead(head, in_flight, cx),
            (PushRefusal::Rejected { .. }, Some(_)) if mutant::is(Mutant::RejectedIsRetried) => self.push = Push::Idle,
            (PushRefusal::Rejected { reason, .. }, Some((first, _))) if mutant::is(Mutant::RejectDropsTheFirst) => {
                self.push = Push::Rejecting { deadline: cx.now + cx.options.page_timeout };
                cx.out.push(UplinkOutput::Reject { number: first, reason });
            }
            (PushRefusal::Busy { reason }, Some(_)) => {
                self.push = Push::Idle;
                self.refused_for = Some(reason.into());
                self.push_after = Some(cx.wait(&mut self.busy));
            }
            (PushRefusal::Rejected { number, .. }, Some((first, last))) if !(first..=last).contains(&number) => {
                return protocol(format!("it rejected e{number} of a push of e{first} to e{last}"));
            }
            // Others came in between, so that the number says something else here by now: push again.
            (PushRefusal::Rejected { .. }, Some((first, _))) if first != cx.facts.head + 1 => self.push = Push::Idle,
            (PushRefusal::Rejected { number, reason }, Some(_)) => {
                self.push = Push::Rejecting { deadline: cx.now + cx.options.page_timeout };
                cx.out.push(UplinkOutput::Reject { number, reason });
            }
            // The answer to no push.
            (PushRefusal::Busy { .. } | PushRefusal::Rejected { .. }, None) => {}
        }
        Outcome::Goes
    }

    fn server_ahead(&mut self, head: u64, in_flight: Option<(u64, u64)>, cx: &mut Cx<'_>) -> Outcome {
        self.push = Push::Idle;
        if mutant::is(Mutant::ServerAheadWaits) {
            self.push = Push::Echo { last: cx.facts.head + 1, deadline: Duration::MAX };
            return Outcome::Goes;
        }
        if mutant::is(Mutant::FenceStays) {
            self.push = Push::Echo { last: u64::MAX, deadline: Duration::MAX };
        }
        if head > cx.facts.head {
            self.ask_until(head, cx);
            return Outcome::Goes;
        }
        match in_flight {
            Some((first, _)) if first == cx.facts.head + 1 && head < cx.facts.head => self.behind(head, cx),
            Some((first, _)) if first == cx.facts.head + 1 => {
                self.push_after = Some(cx.wait(&mut self.busy));
                self.ask(cx);
                Outcome::Goes
            }
            // What it was ahead by has come in the meantime.
            Some(_) | None => Outcome::Goes,
        }
    }

    pub(super) fn rejected(&mut self) {
        if let Push::Rejecting { .. } = self.push {
            self.push = Push::Idle;
        }
    }

    pub(super) fn is_rejecting(&self) -> bool {
        matches!(self.push, Push::Rejecting { .. })
    }

    pub(super) fn reject_failed(&mut self, cx: &mut Cx<'_>) {
        if let Push::Rejecting { .. } = self.push {
            self.push = Push::Idle;
            self.push_after = Some(cx.wait(&mut self.busy));
        }
    }

    pub(super) fn pass_push_time(&mut self, cx: &mut Cx<'_>) -> Option<SyncError> {
        if self.push_after.is_some_and(|at| cx.now >= at) {
            self.push_after = None;
        }
        match self.push {
            Push::Echo { last, .. } if cx.facts.head >= last => self.push = Push::Idle,
            Push::Echo { .. } if mutant::is(Mutant::EchoWaitsForEver) => {}
            Push::InFlight { .. } if mutant::is(Mutant::PushWaitsForEver) => {}
            Push::Echo { last, deadline } if cx.now >= deadline => {
                self.push = Push::Idle;
                self.ask_until(last, cx);
            }
            Push::Ordered { deadline } | Push::InFlight { deadline, .. } if cx.now >= deadline => {
                return Some(silent("a push"));
            }
            Push::Rejecting { deadline } if cx.now >= deadline => self.push = Push::Idle,
            Push::Idle | Push::Echo { .. } | Push::Ordered { .. } | Push::InFlight { .. } | Push::Rejecting { .. } => {}
        }
        None
    }
}
