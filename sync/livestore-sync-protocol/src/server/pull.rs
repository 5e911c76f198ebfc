//! One pull: a cursor that walks through the log, with one chunk under way at a time.

use super::chunk::{Chunk, cut};
use super::{LogPage, Read, ReadKey, ServerOptions};
use crate::{Failure, Groups, Limits, PageInfo, PullRequest, RequestId};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Pull {
    pub(super) id: RequestId,
    pub(super) key: ReadKey,
    pub(super) live: bool,
    /// The number of the last event that was sent.
    pub(super) after: u64,
    known_backend: Option<Box<str>>,
    groups: Groups,
    state: State,
    /// Whether a page has to come even where it is empty: the first, and those of a pull that is not live, to its end.
    owes_page: bool,
    /// Whether the client is beyond the log's end: the backend lost events, and what came now would not follow.
    is_off: bool,
    /// The number of the log's last event, as far as is known here.
    head: u64,
    info: PageInfo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The store was asked, and has until then.
    Reading { deadline: Duration },
    /// A chunk is under way.
    Sent,
    /// Everything was sent.
    Idle,
}

/// What a page of the log means for the pull.
pub(super) enum Step<'a> {
    /// Nothing to send.
    Rests,
    /// Send this chunk.
    Chunk(Chunk<'a>),
    /// The pull ends: the client knows another backend.
    Refused(Failure),
    /// The store gave something that does not follow. Saying so in-band would stall the client for good.
    Broken(String),
}

impl Pull {
    /// A pull, which has to be [read for](Self::read) at once.
    pub(super) fn new(id: RequestId, key: ReadKey, request: PullRequest) -> Self {
        let (known_backend, after) =
            request.cursor.map_or((None, 0), |cursor| (Some(cursor.backend_id), cursor.number));
        Self {
            id,
            key,
            live: request.live.unwrap_or(false),
            after,
            known_backend,
            groups: if request.whole_groups { Groups::Whole } else { Groups::Cut },
            state: State::Idle,
            owes_page: true,
            is_off: false,
            head: 0,
            info: PageInfo::MoreUnknown,
        }
    }

    pub(super) fn read(&mut self, options: &ServerOptions, now: Duration) -> Read {
        self.state = State::Reading { deadline: now + options.store_timeout };
        Read {
            key: self.key,
            after: self.after,
            events_max: Limits::MESSAGE_EVENTS,
            bytes_max: Limits::MESSAGE_BYTES,
            groups: self.groups,
        }
    }

    /// The log grew.
    pub(super) fn moved(&mut self, head: u64) {
        self.head = self.head.max(head);
    }

    /// Whether it is time to read.
    pub(super) fn wants_read(&self) -> bool {
        self.state == State::Idle && (self.owes_page || (self.live && !self.is_off && self.head > self.after))
    }

    /// Whether the events up to a number went to the client, or are next in line behind a chunk that is under way.
    pub(super) fn has_queued(&self, head: u64) -> bool {
        !self.live || self.is_off || self.after >= head || self.state == State::Sent
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Reading { deadline } => Some(deadline),
            State::Sent | State::Idle => None,
        }
    }

    pub(super) fn page<'a>(&'a mut self, page: &'a LogPage<'_>) -> Step<'a> {
        if !matches!(self.state, State::Reading { .. }) {
            return Step::Rests;
        }
        if let Some(failure) = self.strange(page) {
            return Step::Refused(failure);
        }
        let numbers = self.after.saturating_add(1)..;
        if let Some((event, expected)) = page.events.iter().zip(numbers).find(|(event, number)| event.number != *number)
        {
            return Step::Broken(format!("the log has e{} where e{expected} comes next", event.number));
        }
        self.state = State::Idle;
        self.head = self.head.max(page.head);
        self.is_off |= page.head < self.after;
        if page.events.is_empty() && !self.owes_page {
            // There was nothing after all: the next news asks again.
            self.head = self.after;
            return Step::Rests;
        }
        let events = cut(page.events, self.groups, page.backend_id);
        self.after = events.last().map_or(self.after, |last| last.number);
        self.info = if events.is_empty() { PageInfo::NoMore } else { PageInfo::after(self.after, page.head) };
        self.owes_page = false;
        self.state = State::Sent;
        let head = events.last().map_or(page.head, |last| page.head.max(last.number));
        Step::Chunk(Chunk { id: &self.id, events, info: self.info, backend_id: page.backend_id, head })
    }

    fn strange(&self, page: &LogPage<'_>) -> Option<Failure> {
        let known = self.known_backend.as_deref().filter(|known| *known != page.backend_id.as_str())?;
        Some(Failure::BackendIdMismatch { expected: page.backend_id.as_str().into(), received: known.into() })
    }

    /// The chunk under way arrived. Returns whether the pull is over.
    pub(super) fn acked(&mut self) -> bool {
        if self.state != State::Sent {
            return false;
        }
        self.state = State::Idle;
        if self.live {
            return false;
        }
        // One that is not live goes on to the end that its last page told of.
        let is_over = self.info == PageInfo::NoMore;
        self.owes_page = !is_over;
        is_over
    }
}
