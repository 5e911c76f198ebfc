//! One pull: what comes is put in order, whatever the server sends twice, too early or not at all.

use super::{Disconnect, Page};
use crate::{BackendId, Cursor, Event, Limits, PageInfo, PullResponse, RequestId};
use std::time::Duration;

/// So many gaps in a row without anything new are no crossing of messages.
const GAPS_MAX: u32 = 3;

#[derive(Clone, Debug)]
pub(super) struct Pull {
    pub(super) id: RequestId,
    pub(super) live: bool,
    pub(super) backend_id: Option<BackendId>,
    /// The number of the last event that was given out, or is held.
    pub(super) head: u64,
    /// Until when the next page has to come.
    pub(super) deadline: Option<Duration>,
    /// The highest number that was seen, given out or not.
    seen: u64,
    /// Whether the server announced more with the last page that fitted; before the first page it always does.
    is_behind: bool,
    /// Whether no page was given out yet. The first is, even if it is empty.
    is_first: bool,
    gaps: u32,
    /// Whether a pull that is not live brought all it was asked for. The server of sync-cf 0.4.0 sends it news until its end arrives.
    is_done: bool,
}

/// What a page of the server means.
pub(super) enum Arrived {
    /// Nothing new.
    Nothing,
    /// Give this out.
    Page(Page),
    /// Give this out if it is there, and pull again from the head: something is missing.
    Gap(Option<Page>),
    Broken(Disconnect),
}

impl Pull {
    pub(super) fn new(
        id: RequestId,
        after: u64,
        backend_id: Option<BackendId>,
        live: bool,
        deadline: Duration,
    ) -> Self {
        let deadline = Some(deadline);
        Self {
            id,
            live,
            backend_id,
            head: after,
            deadline,
            seen: after,
            is_behind: true,
            is_first: true,
            gaps: 0,
            is_done: false,
        }
    }

    /// The pull that goes on where this one got stuck.
    pub(super) fn again(self, id: RequestId, deadline: Duration) -> Self {
        Self { id, deadline: Some(deadline), is_behind: true, ..self }
    }

    /// The cursor names a backend, so without one the pull begins at the start, and what is held is left out here.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        let backend_id = self.backend_id.as_ref()?.as_str().into();
        Some(Cursor { backend_id, number: self.head })
    }

    pub(super) fn arrived(&mut self, response: PullResponse, now: Duration, timeout: Duration) -> Arrived {
        if self.is_done {
            return Arrived::Nothing;
        }
        let keeps_identity = response.capabilities.is_some_and(|capabilities| capabilities.identity);
        let head = response.capabilities.and_then(|capabilities| capabilities.head);
        let PullResponse { batch, page_info, backend_id, .. } = response;
        let mut page = Page { backend_id, keeps_identity, events: Vec::new(), info: PageInfo::NoMore, head };
        if self.backend_id.as_ref().is_some_and(|known| *known != page.backend_id) {
            self.is_first = false;
            self.deadline = None;
            return Arrived::Page(page);
        }
        let last = batch.last().map_or(self.head, |last| last.event.number);
        let has_gap = match self.take(batch.into_iter().map(|pulled| pulled.event), keeps_identity, &mut page.events) {
            Ok(has_gap) => has_gap,
            Err(error) => return Arrived::Broken(error),
        };
        self.backend_id.get_or_insert_with(|| page.backend_id.clone());
        self.gaps = if page.events.is_empty() { self.gaps } else { 0 };
        self.arrange(page, has_gap, last, page_info, now, timeout)
    }

    fn arrange(
        &mut self,
        mut page: Page,
        has_gap: bool,
        last: u64,
        announced: PageInfo,
        now: Duration,
        timeout: Duration,
    ) -> Arrived {
        let was_behind = self.is_behind;
        if !has_gap {
            self.is_behind = announced != PageInfo::NoMore;
        }
        page.info = match announced {
            PageInfo::MoreUnknown if !has_gap => announced,
            PageInfo::MoreKnown { remaining } if !has_gap => {
                PageInfo::after(self.head, self.seen.max(last.saturating_add(remaining)))
            }
            _ => PageInfo::after(self.head, self.seen),
        };
        self.deadline = (page.info != PageInfo::NoMore).then_some(now + timeout);
        let is_news = self.is_first || !page.events.is_empty() || (was_behind && page.info == PageInfo::NoMore);
        // News that overtook the backlog (measured on sync-cf 0.4.0) comes again with it; the backlog ends with nothing more.
        let is_missing = if has_gap { !was_behind } else { !self.is_behind && self.head < self.seen };
        let is_held_back = has_gap && page.events.is_empty();
        let page = (is_news && !is_held_back).then_some(page);
        self.is_first &= page.is_none();
        if !is_missing {
            self.is_done = !self.live && page.as_ref().is_some_and(|page| page.info == PageInfo::NoMore);
            return page.map_or(Arrived::Nothing, Arrived::Page);
        }
        self.gaps += 1;
        if self.gaps > GAPS_MAX {
            let reason = format!("it sent e{}, and not what follows e{}", self.seen, self.head);
            return Arrived::Broken(Disconnect::protocol(reason));
        }
        Arrived::Gap(page)
    }

    /// Keeps what follows the head. Returns whether something did not.
    fn take(
        &mut self,
        events: impl Iterator<Item = Event>,
        keeps_identity: bool,
        taken: &mut Vec<Event>,
    ) -> Result<bool, Disconnect> {
        let mut has_gap = false;
        for mut event in events {
            let Event { number, parent, .. } = event;
            if number > Limits::NUMBER {
                return Err(Disconnect::protocol(format!("it sent e{number}, beyond the last number there can be")));
            }
            self.seen = self.seen.max(number);
            if number <= self.head {
                continue;
            }
            // Numbers and parents that do not follow are both gaps: the server of sync-cf 0.4.0 stores what it is given.
            if has_gap || parent != self.head || number != self.head + 1 {
                has_gap = true;
                continue;
            }
            self.head = number;
            if !keeps_identity {
                (event.id, event.rest) = (None, None);
            }
            taken.push(event);
        }
        Ok(has_gap)
    }
}
