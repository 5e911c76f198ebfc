use super::{Link, Pull, Push};
use std::time::Duration;

impl Link {
    /// Whether it waits for the next recheck only.
    pub(in crate::sync::uplink) fn is_resting(&self) -> bool {
        self.pull == Pull::Live && self.push == Push::Idle && self.push_after.is_none()
    }

    pub(in crate::sync::uplink) fn forget_times(&mut self, now: Duration) {
        let earlier = |at: &mut Duration| *at = at.saturating_sub(now);
        earlier(&mut self.heard);
        earlier(&mut self.paged);
        self.ping.iter_mut().chain(&mut self.push_after).for_each(earlier);
        (self.done, self.total) = (0, None);
        self.faults.forget();
        self.busy.forget();
        self.refused_for = None;
        match &mut self.pull {
            Pull::Asked { deadline: at, .. }
            | Pull::Applying { deadline: at, .. }
            | Pull::Attaching { deadline: at }
            | Pull::Retry { at } => earlier(at),
            Pull::Live => {}
        }
        match &mut self.push {
            Push::Ordered { deadline: at }
            | Push::InFlight { deadline: at, .. }
            | Push::Echo { deadline: at, .. }
            | Push::Rejecting { deadline: at } => earlier(at),
            Push::Idle => {}
        }
    }
}
