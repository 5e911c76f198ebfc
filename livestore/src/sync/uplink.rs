//! When a leader connects to its backend, pulls and pushes.

mod backoff;
#[cfg(test)]
mod forget_times;
mod link;
mod options;
mod status;
#[cfg(test)]
mod tests;

use super::message::{BackendId, SyncError, SyncEvent, SyncMessage, SyncPage, SyncRequest};
use crate::mutant::{self, Mutant};
use backoff::{Backoff, Jitter};
use link::{Cx, Link, Outcome};
use std::time::Duration;

pub(crate) use options::UplinkOptions;
pub(crate) use status::{UplinkState, UplinkStatus};

/// What the leader knows when it steps its uplink. Read afresh for every step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Facts {
    /// The number of the last confirmed synced event that the log holds.
    pub(crate) head: u64,
    /// The backend that this log is of; `None` where none was attached yet.
    pub(crate) backend_id: Option<BackendId>,
    /// How many synced events could be pushed.
    pub(crate) pending: usize,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UplinkInput {
    /// Time passed.
    Tick,
    /// The connection said something.
    Message(SyncMessage),
    /// The page of the last [`UplinkOutput::Apply`] is merged and persisted; or the backend of an [`UplinkOutput::Attach`] is
    /// attached. The facts tell of it.
    Applied,
    /// It could not be, for now.
    ApplyFailed,
    /// The batch that [`UplinkOutput::Push`] asked for was sent, with these numbers.
    PushSent {
        /// The number of its first event.
        first: u64,
        /// The number of its last event.
        last: u64,
    },
    /// There was nothing that could be pushed after all, or it could not be read.
    NothingSent,
    /// There is more that could be pushed, or an [`UplinkOutput::Reject`] was carried out.
    NewPending,
    /// The head or the backend in the facts is another one, not by a page: pull from there.
    Restart,
    /// Somebody wants this now: no more waiting before a retry.
    Hurry,
    /// The end.
    Stop,
}

/// What to do about it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UplinkOutput {
    /// Open a connection.
    Connect,
    /// Drop the connection.
    Disconnect,
    /// Send this.
    Send(SyncRequest),
    /// Send a push: whole groups from the front of the pending part, numbered from the head on, within
    /// [`UplinkOptions::BATCH_EVENTS_MAX`] and [`UplinkOptions::BATCH_BYTES_MAX`], a larger group alone. Answer at once with
    /// [`UplinkInput::PushSent`] or [`UplinkInput::NothingSent`].
    Push,
    /// Compare these events, which come at or before the head, with what the log holds there. Where they differ the backend is
    /// not the one that it was: leave out the outputs that follow, make pending again what it does not hold, and answer with
    /// [`UplinkInput::Restart`]. Where they cannot be compared now, leave the rest out too and answer with
    /// [`UplinkInput::ApplyFailed`].
    Compare {
        /// Whether the backend keeps event ids.
        keeps_identity: bool,
        /// In order.
        events: Vec<SyncEvent>,
    },
    /// Merge and persist this page, whose events follow the head. Answer with [`UplinkInput::Applied`] or
    /// [`UplinkInput::ApplyFailed`].
    Apply(SyncPage),
    /// The log belongs to no backend yet, and this is one. Answer as for [`UplinkOutput::Apply`].
    Attach {
        /// Its id.
        found: BackendId,
    },
    /// The backend is another one than the log's. The connection is dropped and tried again later, or on
    /// [`UplinkInput::Restart`].
    OtherBackend {
        /// Its id.
        found: BackendId,
    },
    /// The backend holds fewer events than the log says it confirmed: it was reset or restored. As for
    /// [`UplinkOutput::OtherBackend`].
    Behind {
        /// The number of its last event.
        head: u64,
    },
    /// This event will never be taken: drop its group. Counted from the head: `number - head - 1` events of the push come
    /// before it. Answer with [`UplinkInput::NewPending`].
    Reject {
        /// The number it was pushed with.
        number: u64,
        /// What the backend says.
        reason: String,
    },
}

/// Decides when a leader connects to its backend, pulls and pushes. It holds no events and does nothing itself.
///
/// On each connection it pulls before it pushes; one push is in flight at a time, and after one whose outcome is not known
/// nothing is pushed before a pull has told it. Every wait has a deadline; at the latest a new connection ends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Uplink {
    options: UplinkOptions,
    jitter: Jitter,
    phase: Phase,
    retries: Backoff,
    /// Until when the log is expected to stay under its backend; beginning again before waits longer each time.
    settled_at: Duration,
    restarts: Backoff,
    last_error: Option<SyncError>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Waiting { retry_at: Duration },
    Connecting { deadline: Duration },
    Connected(Link),
    Stopped,
}

impl Uplink {
    /// Connects at the first step. The seed spreads the retries of many clients.
    pub(crate) fn new(options: UplinkOptions, seed: u64) -> Self {
        let retries = Backoff::default();
        let phase = Phase::Waiting { retry_at: Duration::ZERO };
        let (settled_at, restarts) = (Duration::ZERO, Backoff::default());
        Self { options, jitter: Jitter::new(seed), phase, retries, settled_at, restarts, last_error: None }
    }

    /// One step. `now` counts from any moment and does not go back.
    pub(crate) fn step(&mut self, input: UplinkInput, facts: &Facts, now: Duration) -> Vec<UplinkOutput> {
        let mut out = Vec::new();
        match input {
            UplinkInput::Stop => return self.stop(),
            UplinkInput::Hurry => self.hurry(facts, now, &mut out),
            UplinkInput::Restart => self.restart(facts, now, &mut out),
            UplinkInput::Tick => {}
            UplinkInput::Message(message) => self.hear(message, facts, now, &mut out),
            other => {
                if let Phase::Connected(link) = &mut self.phase {
                    let mut cx = Cx { facts, now, options: &self.options, jitter: &mut self.jitter, out: &mut out };
                    let outcome = link.answer(&other, &mut cx);
                    self.after(outcome, now, &mut out);
                }
            }
        }
        self.pass_time(facts, now, &mut out);
        out
    }

    /// When it wants the next [`UplinkInput::Tick`] at the latest; `None` where it waits for others only.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Waiting { retry_at } => Some(*retry_at),
            Phase::Connecting { deadline } => Some(*deadline),
            Phase::Connected(link) => Some(link.deadline(&self.options)),
            Phase::Stopped => None,
        }
    }

    /// How it is doing.
    pub(crate) fn status(&self) -> UplinkStatus {
        let (state, next_retry) = match &self.phase {
            Phase::Waiting { retry_at } => (UplinkState::Waiting { retry_at: *retry_at }, Some(*retry_at)),
            Phase::Connecting { .. } => (UplinkState::Connecting, None),
            Phase::Connected(link) => (link.state(), link.next_retry()),
            Phase::Stopped => (UplinkState::Stopped, None),
        };
        let refused = if let Phase::Connected(link) = &self.phase { link.refused() } else { None };
        UplinkStatus { state, last_error: self.last_error.clone().or(refused), next_retry }
    }

    fn stop(&mut self) -> Vec<UplinkOutput> {
        let is_open = matches!(self.phase, Phase::Connecting { .. } | Phase::Connected(_));
        self.phase = Phase::Stopped;
        if is_open { vec![UplinkOutput::Disconnect] } else { Vec::new() }
    }

    fn hurry(&mut self, facts: &Facts, now: Duration, out: &mut Vec<UplinkOutput>) {
        match &mut self.phase {
            Phase::Waiting { retry_at } => *retry_at = (*retry_at).min(now),
            Phase::Connected(link) => {
                link.hurry(&mut Cx { facts, now, options: &self.options, jitter: &mut self.jitter, out });
            }
            Phase::Connecting { .. } | Phase::Stopped => {}
        }
    }

    fn restart(&mut self, facts: &Facts, now: Duration, out: &mut Vec<UplinkOutput>) {
        let retry_at = now + self.restart_wait(now);
        match &mut self.phase {
            Phase::Waiting { retry_at: at } if retry_at == now => *at = now.min(*at),
            Phase::Waiting { retry_at: at } => *at = retry_at,
            // The connection may have been made for another backend's id, and a push may be under way: begin anew.
            Phase::Connected(link) if link.is_pushing() || retry_at > now => {
                out.push(UplinkOutput::Disconnect);
                self.phase = Phase::Waiting { retry_at };
            }
            Phase::Connected(_) => {
                self.phase = Phase::Connected(self.open(facts, now, out));
            }
            Phase::Connecting { .. } | Phase::Stopped => {}
        }
    }

    /// Two backends behind one address, in turn, make the log begin again at each connection. Once is at once; after that it waits.
    fn restart_wait(&mut self, now: Duration) -> Duration {
        let wait = if now >= self.settled_at {
            self.restarts = Backoff::default();
            Duration::ZERO
        } else {
            // A backend that is being set up may well be replaced twice: a first wait that nobody minds.
            let (least, most) = (self.options.retry_min / 2, self.options.slow_retry_max);
            self.restarts.next(least, most, &mut self.jitter)
        };
        self.settled_at = now + wait + self.options.slow_retry_max;
        wait
    }

    fn hear(&mut self, message: SyncMessage, facts: &Facts, now: Duration, out: &mut Vec<UplinkOutput>) {
        match (&mut self.phase, message) {
            (Phase::Connecting { .. } | Phase::Connected(_), SyncMessage::Disconnected(error)) => {
                self.lose(error, now, out);
            }
            (Phase::Connecting { .. }, SyncMessage::Connected) => {
                self.phase = Phase::Connected(self.open(facts, now, out));
            }
            (Phase::Connected(link), message) => {
                let mut cx = Cx { facts, now, options: &self.options, jitter: &mut self.jitter, out };
                let outcome = link.hear(message, &mut cx);
                self.after(outcome, now, out);
            }
            // From a connection that was given up, or before this one stands.
            (Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Stopped, _) => {}
        }
    }

    fn open(&mut self, facts: &Facts, now: Duration, out: &mut Vec<UplinkOutput>) -> Link {
        Link::open(&mut Cx { facts, now, options: &self.options, jitter: &mut self.jitter, out })
    }

    fn after(&mut self, outcome: Outcome, now: Duration, out: &mut Vec<UplinkOutput>) {
        match outcome {
            Outcome::Goes => {}
            Outcome::Progress => {
                self.retries = Backoff::default();
                self.last_error = None;
            }
            Outcome::Lost(error) => self.lose(error, now, out),
        }
    }

    fn pass_time(&mut self, facts: &Facts, now: Duration, out: &mut Vec<UplinkOutput>) {
        match &mut self.phase {
            Phase::Waiting { retry_at } if now >= *retry_at => {
                self.phase = Phase::Connecting { deadline: now + self.options.connect_timeout };
                out.push(UplinkOutput::Connect);
            }
            Phase::Connecting { deadline } if now >= *deadline => {
                self.lose(SyncError::Offline { reason: "no connection in time".into() }, now, out);
            }
            Phase::Connected(link) => {
                let mut cx = Cx { facts, now, options: &self.options, jitter: &mut self.jitter, out };
                let outcome = link.pass_time(&mut cx);
                self.after(outcome, now, out);
            }
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Stopped => {}
        }
    }

    /// Gives the connection up, and says when to try again.
    fn lose(&mut self, error: SyncError, now: Duration, out: &mut Vec<UplinkOutput>) {
        if !matches!(error, SyncError::Offline { .. }) && mutant::is(Mutant::ErrorEndsSync) {
            self.phase = Phase::Stopped;
            self.last_error = Some(error);
            return;
        }
        let is_slow = !matches!(error, SyncError::Offline { .. });
        let (least, most) = self.options.retry(is_slow);
        let delay = self.retries.next(least, most, &mut self.jitter);
        self.phase = Phase::Waiting { retry_at: now + delay };
        self.last_error = Some(error);
        out.push(UplinkOutput::Disconnect);
    }
}
