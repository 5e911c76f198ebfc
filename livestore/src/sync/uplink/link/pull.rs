use super::{Cx, Link, Outcome, protocol, silent};
use crate::mutant::{self, Mutant};
use crate::sync::message::{BackendId, PageInfo, SyncError, SyncEvent, SyncPage, SyncRequest};
use crate::sync::uplink::UplinkOutput;
use crate::sync::uplink::backoff::Backoff;
use std::time::Duration;

/// What the pull is at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pull {
    /// A page has to come. Where all that is known of is here, that is a recheck.
    Asked { deadline: Duration, is_recheck: bool },
    /// The leader has a page.
    Applying { events: u64, info: PageInfo, deadline: Duration, missed: bool },
    /// The leader attaches the backend.
    Attaching { deadline: Duration },
    /// Ask again at this time. What comes until then is left out.
    Retry { at: Duration },
    /// All that was there is here; more comes as it comes.
    Live,
}

impl Pull {
    pub(super) fn deadline(&self) -> Option<Duration> {
        match *self {
            Self::Asked { deadline, .. } | Self::Applying { deadline, .. } | Self::Attaching { deadline } => {
                Some(deadline)
            }
            Self::Retry { at } => Some(at),
            Self::Live => None,
        }
    }
}

impl Link {
    /// Pulls from the head, in place of the pull before.
    pub(super) fn ask(&mut self, cx: &mut Cx<'_>) {
        self.wait_for_page(cx);
        self.paged = cx.now;
        (self.done, self.total) = (0, None);
        let backend_id = cx.facts.backend_id.clone();
        // A backend that lost events, or holds others in their place, would show in no other way.
        let after = cx.facts.head.saturating_sub(u64::from(self.begins_before));
        cx.out.push(UplinkOutput::Send(SyncRequest::Pull { after, backend_id, live: true }));
    }

    fn wait_for_page(&mut self, cx: &Cx<'_>) {
        self.pull = Pull::Asked { deadline: cx.now + cx.options.page_timeout, is_recheck: false };
    }

    /// A page may be on its way.
    pub(super) fn page_moves(&mut self, cx: &Cx<'_>) {
        self.paged = cx.now;
        if let Pull::Asked { deadline, .. } = &mut self.pull {
            *deadline = cx.now + cx.options.page_timeout;
        }
    }

    /// Pulls although nothing is missing, as far as is known: a page may have been lost, and nothing else would tell.
    fn recheck(&mut self, cx: &mut Cx<'_>) {
        self.ask(cx);
        if let Pull::Asked { is_recheck, .. } = &mut self.pull {
            *is_recheck = true;
        }
    }

    /// Pulls, and lets nothing be pushed before the head is there.
    pub(super) fn ask_until(&mut self, need: u64, cx: &mut Cx<'_>) {
        self.need = need;
        self.ask(cx);
    }

    pub(super) fn page(&mut self, page: SyncPage, cx: &mut Cx<'_>) -> Outcome {
        self.paged = cx.now;
        match &mut self.pull {
            Pull::Applying { missed, .. } => {
                *missed = true;
                return Outcome::Goes;
            }
            Pull::Attaching { .. } | Pull::Retry { .. } => return Outcome::Goes,
            Pull::Asked { .. } | Pull::Live => {}
        }
        if cx.facts.backend_id.as_ref() != Some(&page.backend_id) {
            return self.other_backend(page.backend_id, cx);
        }
        self.take(page, cx)
    }

    pub(super) fn other_backend(&mut self, found: BackendId, cx: &mut Cx<'_>) -> Outcome {
        let Some(known) = &cx.facts.backend_id else {
            self.pull = Pull::Attaching { deadline: cx.now + cx.options.page_timeout };
            cx.out.push(UplinkOutput::Attach { found });
            return Outcome::Goes;
        };
        if *known == found {
            return protocol(format!("it says that it is another backend than `{known}`, and that it is that one"));
        }
        let error = SyncError::OtherBackend { found: found.clone(), known: known.clone() };
        cx.out.push(UplinkOutput::OtherBackend { found });
        Outcome::Lost(error)
    }

    /// The backend lost events that it had confirmed.
    pub(super) fn behind(&mut self, head: u64, cx: &mut Cx<'_>) -> Outcome {
        cx.out.push(UplinkOutput::Behind { head });
        protocol(format!("it is at e{head}, and had confirmed e{}", cx.facts.head))
    }

    fn take(&mut self, mut page: SyncPage, cx: &mut Cx<'_>) -> Outcome {
        let head = cx.facts.head;
        let begins = page.events.first().map_or(head + 1, |event| event.number);
        let is_checked = !mutant::is(Mutant::UplinkTakesGaps) && !mutant::is(Mutant::NobodyChecksGaps);
        if begins > head + 1 && is_checked || !is_gapless(&page.events) {
            return self.gap(begins, cx);
        }
        // The first page begins with the last event that was confirmed.
        let lacks_last = std::mem::take(&mut self.is_first) && head > 0 && page.head.is_none();
        let theirs = if lacks_last { Some(head - 1) } else { page.head };
        if let Some(behind) = theirs.filter(|theirs| *theirs < head && page.events.is_empty()) {
            return self.behind(behind, cx);
        }
        let is_known = |event: &SyncEvent| event.number <= head && !mutant::is(Mutant::UplinkTakesOverlaps);
        let new = page.events.split_off(page.events.partition_point(is_known));
        if !page.events.is_empty() {
            self.begins_before = false;
            cx.out.push(UplinkOutput::Compare { keeps_identity: page.keeps_identity, events: page.events });
        }
        let events = new.len() as u64;
        if let PageInfo::More(more) = page.info {
            self.total = Some((self.done + events).saturating_add(more));
        }
        if new.is_empty() {
            return self.end_page(page.info, false, cx);
        }
        let deadline = cx.now + cx.options.page_timeout;
        self.pull = Pull::Applying { events, info: page.info, deadline, missed: false };
        cx.out.push(UplinkOutput::Apply(SyncPage { events: new, ..page }));
        Outcome::Goes
    }

    pub(super) fn is_taking(&self) -> bool {
        matches!(self.pull, Pull::Applying { .. } | Pull::Attaching { .. })
    }

    pub(super) fn applied(&mut self, cx: &mut Cx<'_>) -> Outcome {
        let Pull::Applying { events, info, missed, .. } = self.pull else {
            self.ask(cx);
            return Outcome::Goes;
        };
        self.done += events;
        self.faults = Backoff::default();
        if missed {
            self.ask(cx);
            return Outcome::Progress;
        }
        self.end_page(info, true, cx)
    }

    pub(super) fn apply_failed(&mut self, cx: &mut Cx<'_>) {
        self.begins_before = true;
        self.pull = Pull::Retry { at: cx.wait(&mut self.faults) };
    }

    /// What follows a page that is dealt with. One that brought nothing new does not prolong the wait for what is missing.
    fn end_page(&mut self, info: PageInfo, is_new: bool, cx: &mut Cx<'_>) -> Outcome {
        let is_last = matches!(info, PageInfo::Last | PageInfo::More(0)) || mutant::is(Mutant::CatchUpEndsEarly);
        if is_last && cx.facts.head >= self.need {
            self.pull = Pull::Live;
            self.need = 0;
        } else if is_new || !is_last {
            self.wait_for_page(cx);
        }
        Outcome::Progress
    }

    /// A page that does not fit: once may be a crossing of messages, twice a fault that passes, more is no backend to talk to.
    fn gap(&mut self, begins: u64, cx: &mut Cx<'_>) -> Outcome {
        match self.faults.failures() {
            0 => {
                self.apply_failed(cx);
                self.ask(cx);
                Outcome::Goes
            }
            1 | 2 => {
                self.apply_failed(cx);
                Outcome::Goes
            }
            _ => protocol(format!("a page with gaps, or from e{begins} on, where e{} comes next", cx.facts.head + 1)),
        }
    }

    pub(super) fn pass_pull_time(&mut self, cx: &mut Cx<'_>) -> Option<SyncError> {
        // The original has no recheck either.
        let waits = mutant::is(Mutant::ServerAheadWaits) || mutant::is(Mutant::EchoWaitsForEver);
        if self.pull == Pull::Live && cx.now >= self.paged + cx.options.recheck_after && !waits {
            self.recheck(cx);
        }
        if matches!(self.pull, Pull::Asked { .. }) && mutant::is(Mutant::PageWaitsForEver) {
            return None;
        }
        if self.pull.deadline().is_none_or(|deadline| cx.now < deadline) {
            return None;
        }
        match self.pull {
            Pull::Asked { .. } if cx.facts.head < self.need => {
                let reason = format!("it says that it holds e{}, and does not send it", self.need);
                return Some(SyncError::Protocol { reason });
            }
            Pull::Asked { .. } => return Some(silent("a pull")),
            Pull::Applying { .. } | Pull::Attaching { .. } | Pull::Retry { .. } => self.ask(cx),
            Pull::Live => {}
        }
        None
    }
}

fn is_gapless(events: &[SyncEvent]) -> bool {
    let follows = |pair: &[SyncEvent]| pair[1].number == pair[0].number + 1;
    events.iter().all(|event| event.parent.checked_add(1) == Some(event.number)) && events.windows(2).all(follows)
}
