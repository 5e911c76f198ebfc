//! One connection, from when it stands.

#[cfg(test)]
mod forget_times;
mod pull;
mod push;

use super::backoff::{Backoff, Jitter};
use super::{Facts, UplinkInput, UplinkOptions, UplinkOutput, UplinkState};
use crate::sync::message::{SyncError, SyncMessage, SyncRequest};
use pull::Pull;
use push::Push;
use std::time::Duration;

/// What a step meant for the connection.
pub(super) enum Outcome {
    Goes,
    /// A page came through: whatever went wrong before is over.
    Progress,
    Lost(SyncError),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Link {
    heard: Duration,
    /// Until when a ping has to be answered.
    ping: Option<Duration>,
    /// When the last page came, or was asked for.
    paged: Duration,
    pull: Pull,
    push: Push,
    /// No push before then.
    push_after: Option<Duration>,
    /// The fence: the pull under way is not done before the head is there.
    need: u64,
    /// Whether no page came yet. The first pull begins with the last event that was confirmed.
    is_first: bool,
    /// Whether the next pull begins so again, because a page could not be compared or applied.
    begins_before: bool,
    /// Events that came in this pull, and that it brings.
    done: u64,
    total: Option<u64>,
    faults: Backoff,
    busy: Backoff,
    /// Why the backend took no push, until it takes one.
    refused_for: Option<Box<str>>,
}

/// What every part of a step has at hand.
pub(super) struct Cx<'a> {
    pub(super) facts: &'a Facts,
    pub(super) now: Duration,
    pub(super) options: &'a UplinkOptions,
    pub(super) jitter: &'a mut Jitter,
    pub(super) out: &'a mut Vec<UplinkOutput>,
}

impl Cx<'_> {
    fn wait(&mut self, backoff: &mut Backoff) -> Duration {
        let (least, most) = self.options.retry(false);
        self.now + backoff.next(least, most, self.jitter)
    }
}

impl Link {
    /// A connection that stands, with its first pull.
    pub(super) fn open(cx: &mut Cx<'_>) -> Self {
        let pull = Pull::Retry { at: cx.now };
        let (faults, busy) = (Backoff::default(), Backoff::default());
        let (ping, push, push_after) = (None, Push::Idle, None);
        let mut link = Self {
            heard: cx.now,
            ping,
            paged: cx.now,
            pull,
            push,
            push_after,
            need: 0,
            is_first: true,
            begins_before: true,
            done: 0,
            total: None,
            faults,
            busy,
            refused_for: None,
        };
        link.ask(cx);
        link
    }

    pub(super) fn hear(&mut self, message: SyncMessage, cx: &mut Cx<'_>) -> Outcome {
        self.heard = cx.now;
        self.ping = None;
        match message {
            SyncMessage::Page(page) => self.page(page, cx),
            SyncMessage::Pushed => self.pushed(cx),
            SyncMessage::PushRefused(refusal) => self.push_refused(refusal, cx),
            SyncMessage::Connected | SyncMessage::Pong => Outcome::Goes,
            SyncMessage::Moving => {
                self.page_moves(cx);
                self.push_moves(cx);
                Outcome::Goes
            }
            SyncMessage::Disconnected(error) => Outcome::Lost(error),
        }
    }

    /// What the leader says to an output.
    pub(super) fn answer(&mut self, input: &UplinkInput, cx: &mut Cx<'_>) -> Outcome {
        match *input {
            UplinkInput::Applied if self.is_taking() => return self.applied(cx),
            UplinkInput::ApplyFailed if self.is_rejecting() => self.reject_failed(cx),
            // The events of a page could not be compared.
            UplinkInput::ApplyFailed => self.apply_failed(cx),
            UplinkInput::Applied | UplinkInput::NewPending => self.rejected(),
            UplinkInput::PushSent { first, last } => self.push_sent(first, last),
            UplinkInput::NothingSent => self.nothing_sent(cx),
            UplinkInput::Tick
            | UplinkInput::Message(_)
            | UplinkInput::Restart
            | UplinkInput::Hurry
            | UplinkInput::Stop => {}
        }
        Outcome::Goes
    }

    pub(super) fn hurry(&mut self, cx: &mut Cx<'_>) {
        self.push_after = None;
        if let Pull::Retry { at } = &mut self.pull {
            *at = (*at).min(cx.now);
        }
        // The connection may be dead without knowing it.
        if self.ping.is_none() {
            self.ask_whether_there(cx);
        }
    }

    pub(super) fn pass_time(&mut self, cx: &mut Cx<'_>) -> Outcome {
        if self.ping.is_some_and(|deadline| cx.now >= deadline) {
            return Outcome::Lost(silent("a ping"));
        }
        if self.ping.is_none() && cx.now >= self.heard + cx.options.ping_after {
            self.ask_whether_there(cx);
        }
        if let Some(error) = self.pass_pull_time(cx).or_else(|| self.pass_push_time(cx)) {
            return Outcome::Lost(error);
        }
        self.try_push(cx);
        Outcome::Goes
    }

    pub(super) fn deadline(&self, options: &UplinkOptions) -> Duration {
        let silence = self.ping.unwrap_or(self.heard + options.ping_after);
        let recheck = (self.pull == Pull::Live).then(|| self.paged + options.recheck_after);
        let waits = [recheck, self.pull.deadline(), self.push.deadline(), self.push_after];
        waits.into_iter().flatten().fold(silence, Duration::min)
    }

    pub(super) fn state(&self) -> UplinkState {
        match self.pull {
            Pull::Live | Pull::Asked { is_recheck: true, .. } => UplinkState::Live,
            Pull::Asked { .. } | Pull::Applying { .. } | Pull::Attaching { .. } | Pull::Retry { .. } => {
                UplinkState::CatchingUp { done: self.done, total: self.total }
            }
        }
    }

    /// What keeps events pending on a connection that works.
    pub(super) fn refused(&self) -> Option<SyncError> {
        self.refused_for.as_ref().map(|reason| SyncError::Refused { reason: reason.to_string() })
    }

    pub(super) fn next_retry(&self) -> Option<Duration> {
        let pull = if let Pull::Retry { at } = self.pull { Some(at) } else { None };
        pull.into_iter().chain(self.push_after).min()
    }

    fn ask_whether_there(&mut self, cx: &mut Cx<'_>) {
        self.ping = Some(cx.now + cx.options.ping_timeout);
        cx.out.push(UplinkOutput::Send(SyncRequest::Ping));
    }
}

fn silent(what: &str) -> SyncError {
    SyncError::Offline { reason: format!("no answer to {what} in time") }
}

fn protocol(reason: impl Into<String>) -> Outcome {
    Outcome::Lost(SyncError::Protocol { reason: reason.into() })
}
