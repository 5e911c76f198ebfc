//! The leader's connection to its backend: carries out what the [`Uplink`] decides.

mod joined;

use super::desk::Desk;
use super::upstream::PageError;
use super::{Dropped, Judged, Leader};
use crate::error::StorageError;
use crate::eventlog::Backend;
use crate::mutant::{self, Mutant};
use crate::sync::{
    BackendId, Facts, OnOtherBackend, Rejected, SyncConnection, SyncError, SyncMessage, SyncPage, SyncProvider,
    SyncRequest, SyncState, SyncTarget, Uplink, UplinkInput, UplinkOptions, UplinkOutput, UplinkState,
};
use joined::Inbox;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// The most messages taken from a connection in one step; the rest comes in the next.
const MESSAGES_MAX: usize = 64;

/// How a store is to be synced.
#[derive(Clone)]
pub(crate) struct SyncSetup {
    pub(crate) provider: Arc<dyn SyncProvider>,
    pub(crate) target: SyncTarget,
    pub(crate) on_other_backend: OnOtherBackend,
}

/// What the sessions have to be told after a step.
#[derive(Debug)]
pub(crate) enum Told {
    Judged(Vec<Judged>),
    Dropped(Dropped, Rejected),
    /// The log began again: sessions begin again too. With the copy of the old log, where one was made.
    Restarted(Option<PathBuf>),
}

pub(crate) struct Sync {
    setup: SyncSetup,
    uplink: Uplink,
    connection: Option<Box<dyn SyncConnection>>,
    inbox: Inbox,
    waker: Waker,
    /// How many there were.
    pub(super) connections: u64,
    /// What the backend last said of itself.
    keeps_identity: bool,
    stopped: Option<String>,
    /// What could not be told to the backend's page, to be shown.
    page_error: Option<String>,
    /// What the backend said could not be written down, and waits to be tried again.
    trouble: Option<StorageError>,
}

impl Sync {
    pub(crate) fn new(setup: SyncSetup, desk: &Arc<Desk>) -> Self {
        // Clients that lose their backend together do not come back together.
        let client_id = setup.target.client_id.as_str().bytes();
        let seed = client_id
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let waker = Waker::from(Arc::clone(desk));
        let uplink = Uplink::new(UplinkOptions::default(), seed);
        Self {
            setup,
            uplink,
            connection: None,
            inbox: Inbox::default(),
            waker,
            connections: 0,
            keeps_identity: false,
            stopped: None,
            page_error: None,
            trouble: None,
        }
    }

    /// When the next step is due at the latest.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        if self.stopped.is_some() {
            return None;
        }
        self.uplink.deadline()
    }

    /// Takes what came, and does what is due. State must be in step with the log.
    pub(crate) fn step(
        &mut self,
        now: Duration,
        leader: &mut Leader,
        told: &mut Vec<Told>,
    ) -> Result<(), StorageError> {
        if self.stopped.is_some() {
            return Ok(());
        }
        let stepped = self.take_messages(now, leader, told);
        if self.next_try().is_none() {
            self.trouble = None; // Nothing of it waits any more.
        }
        stepped
    }

    fn take_messages(&mut self, now: Duration, leader: &mut Leader, told: &mut Vec<Told>) -> Result<(), StorageError> {
        self.run(now, VecDeque::from([UplinkInput::NewPending]), leader, told)?;
        for _ in 0..MESSAGES_MAX {
            let Some(message) = self.receive() else { return Ok(()) };
            if let SyncMessage::Page(page) = &message {
                self.keeps_identity = page.keeps_identity;
            }
            self.run(now, VecDeque::from([UplinkInput::Message(message)]), leader, told)?;
        }
        self.waker.wake_by_ref();
        Ok(())
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        // What is wrong with one page must not keep those before it from being taken.
        let is_joining = self.page_error.is_none();
        self.inbox.receive(self.connection.as_deref_mut()?, is_joining)
    }

    /// Somebody waits for it: no more waiting before a retry.
    pub(crate) fn hurry(
        &mut self,
        now: Duration,
        leader: &mut Leader,
        told: &mut Vec<Told>,
    ) -> Result<(), StorageError> {
        if self.stopped.is_some() {
            return Ok(());
        }
        self.run(now, VecDeque::from([UplinkInput::Hurry]), leader, told)
    }

    fn run(
        &mut self,
        now: Duration,
        mut inputs: VecDeque<UplinkInput>,
        leader: &mut Leader,
        told: &mut Vec<Told>,
    ) -> Result<(), StorageError> {
        let mut failed = None;
        while let Some(input) = inputs.pop_front() {
            let facts = facts(leader);
            for output in self.uplink.step(input, &facts, now) {
                let is_compare = matches!(output, UplinkOutput::Compare { .. });
                let answered = self.carry_out(output, leader, told);
                if let Err(error) = &answered {
                    self.trouble = Some(error.clone());
                }
                // What follows a comparison is meant for a log that holds the same.
                let is_same = matches!(answered, Ok(None)) && self.stopped.is_none();
                match answered {
                    Ok(answer) => inputs.extend(answer),
                    Err(error) => {
                        inputs.push_back(UplinkInput::ApplyFailed);
                        failed.get_or_insert(error);
                    }
                }
                if is_compare && !is_same {
                    break;
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn carry_out(
        &mut self,
        output: UplinkOutput,
        leader: &mut Leader,
        told: &mut Vec<Told>,
    ) -> Result<Option<UplinkInput>, StorageError> {
        match output {
            UplinkOutput::Connect => {
                self.connections += 1;
                self.inbox = Inbox::default();
                self.connection = Some(self.setup.provider.connect(&self.setup.target, self.waker.clone()));
                Ok(None)
            }
            UplinkOutput::Disconnect => {
                self.connection = None;
                Ok(None)
            }
            UplinkOutput::Send(request) => {
                self.send(request);
                Ok(None)
            }
            UplinkOutput::Push => self.push(leader).map(Some),
            UplinkOutput::Apply(page) => self.apply(page, leader, told),
            UplinkOutput::Compare { keeps_identity, events } => {
                if leader.holds(&events, keeps_identity)? {
                    return Ok(None);
                }
                let found = leader.backend().map(|backend| backend.id.clone());
                found.map_or(Ok(None), |found| self.other_backend(&found, leader, told))
            }
            UplinkOutput::Attach { found } => {
                let is_restarted = leader.attach(self.backend(found))?;
                if is_restarted {
                    told.push(Told::Restarted(None));
                }
                Ok(Some(UplinkInput::Applied))
            }
            UplinkOutput::OtherBackend { found } => self.other_backend(&found, leader, told),
            UplinkOutput::Behind { .. } => {
                let found = leader.backend().map(|backend| backend.id.clone());
                found.map_or(Ok(None), |found| self.other_backend(&found, leader, told))
            }
            UplinkOutput::Reject { number, reason } => {
                if let Some((dropped, shown)) = leader.reject(number, &reason)? {
                    told.push(Told::Dropped(dropped, shown));
                }
                let judged = leader.settle_client_only()?;
                told.push(Told::Judged(judged));
                Ok(Some(UplinkInput::NewPending))
            }
        }
    }

    /// Why what the backend said is not taken, and when that is tried again: the leader's steps in between may well go through.
    pub(crate) fn trouble(&self, now: Duration) -> Option<(StorageError, Duration)> {
        self.trouble.clone().zip(self.next_try().map(|at| at.saturating_sub(now)))
    }

    /// When something is tried again over a connection that stands.
    fn next_try(&self) -> Option<Duration> {
        let status = self.uplink.status();
        status.next_retry.filter(|_| !matches!(status.state, UplinkState::Waiting { .. }))
    }

    fn backend(&self, id: BackendId) -> Backend {
        Backend { id, keeps_identity: self.keeps_identity }
    }

    fn send(&mut self, request: SyncRequest) {
        if let Some(connection) = &mut self.connection {
            connection.send(request);
        }
    }

    fn push(&mut self, leader: &mut Leader) -> Result<UplinkInput, StorageError> {
        let events = match leader.push_batch() {
            Ok(events) if mutant::is(Mutant::ResentUnderNewIds) => self.renamed(events),
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "what is pending could not be read");
                return Ok(UplinkInput::NothingSent);
            }
        };
        let Some((first, last)) = events.first().zip(events.last()).map(|(first, last)| (first.number, last.number))
        else {
            return Ok(UplinkInput::NothingSent);
        };
        let backend_id = leader.backend().map(|backend| backend.id.clone());
        self.send(SyncRequest::Push { backend_id, events });
        Ok(UplinkInput::PushSent { first, last })
    }

    fn apply(
        &mut self,
        page: SyncPage,
        leader: &mut Leader,
        told: &mut Vec<Told>,
    ) -> Result<Option<UplinkInput>, StorageError> {
        if leader.backend().is_some_and(|backend| backend.keeps_identity != page.keeps_identity) {
            leader.adopt(self.backend(page.backend_id.clone()))?;
        }
        match leader.apply_page(page.events) {
            Ok(judged) => {
                self.page_error = None;
                told.push(Told::Judged(judged));
                Ok(Some(UplinkInput::Applied))
            }
            Err(PageError::Storage(error)) => Err(error),
            Err(PageError::Protocol(reason)) => {
                self.page_error = Some(reason.clone());
                // The connection is of no use; what comes over the next one may be better.
                Ok(Some(UplinkInput::Message(SyncMessage::Disconnected(SyncError::Protocol { reason }))))
            }
        }
    }

    fn other_backend(
        &mut self,
        found: &BackendId,
        leader: &mut Leader,
        told: &mut Vec<Told>,
    ) -> Result<Option<UplinkInput>, StorageError> {
        let known = leader.backend().map_or_else(String::new, |backend| backend.id.to_string());
        let backend = self.backend(found.clone());
        let kept = match self.setup.on_other_backend {
            OnOtherBackend::Rejoin => {
                leader.rejoin(backend)?;
                None
            }
            OnOtherBackend::KeepAside if leader.can_keep_aside() => leader.begin_again(backend)?,
            // In memory there is no place for a copy, and nothing goes without one.
            OnOtherBackend::KeepAside | OnOtherBackend::Stop => {
                self.connection = None;
                self.stopped = Some(format!(
                    "the backend is `{found}` or lost events, the store was synced with `{known}`; open it with another \
                     `on_other_backend` to go on"
                ));
                return Ok(None);
            }
        };
        tracing::warn!(%found, %known, "the log begins again under another backend");
        told.push(Told::Restarted(kept));
        Ok(Some(UplinkInput::Restart))
    }

    /// For the status: what it does, the last error, and when something is tried again.
    pub(crate) fn state(&self, now: Duration) -> (SyncState, Option<SyncError>, Option<Duration>) {
        if let Some(reason) = &self.stopped {
            return (SyncState::Stopped { reason: reason.clone() }, None, None);
        }
        let status = self.uplink.status();
        let state = match status.state {
            UplinkState::Connecting => SyncState::Connecting,
            UplinkState::CatchingUp { done, total } => SyncState::CatchingUp { done, total },
            UplinkState::Live => SyncState::Live,
            UplinkState::Waiting { .. } => SyncState::Waiting,
            UplinkState::Stopped => SyncState::Stopped { reason: "the leader ended".into() },
        };
        let next_retry = status.next_retry.map(|at| at.saturating_sub(now));
        (state, status.last_error, next_retry)
    }
}

fn facts(leader: &Leader) -> Facts {
    Facts {
        head: leader.log().upstream_head(),
        backend_id: leader.backend().map(|backend| backend.id.clone()),
        pending: leader.pending_synced(),
    }
}
