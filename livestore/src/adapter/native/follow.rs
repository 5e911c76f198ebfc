//! Serves the sessions of a process that does not lead: hands their groups to the leader, and tells them what it publishes.

use super::frame::{Group, Heard, NewsItem, ToFollower, ToLeader};
use super::link::{Link, Received};
use crate::error::{StorageError, StorageKind};
use crate::eventlog::Eventlog;
use crate::ids::JournalNonce;
use crate::leader::{
    Accepted, Attached, Desk, Export, Judged, LeaderState, Port, QUARANTINED_MAX, Quarantined, Reply, Request, Restart,
    StateReader, Submission, Verdict, Work, dropped_since, judged_after,
};
use crate::sync::{SyncState, SyncStatus};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A leader that was silent for so long is asked whether it is there.
const QUIET: Duration = Duration::from_secs(1);
/// One that does not answer that for so long is shown as silent.
pub(super) const SILENT: Duration = Duration::from_secs(2);
/// How long a request that needs the leader waits for its answer.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Events of the pending part that are read at once.
const PENDING_PAGE: usize = 10_000;
/// Payload bytes in one message, and about what is written around each event and each group of them.
const SUBMIT_BYTES: usize = 1 << 20;
const EVENT_FRAME: usize = 32;
const GROUP_FRAME: usize = 256;

/// Why following ended.
pub(super) enum Ended {
    /// The last session is gone.
    Stopped,
    /// The leader is.
    Lost(String),
}

pub(super) struct Follower {
    desk: Arc<Desk>,
    link: Link,
    log: Eventlog,
    state: StateReader,
    pub(super) attached: Attached,
    /// Up to where the log was published here, and in which generation of it.
    pub(super) place: u64,
    pub(super) generation: u64,
    /// Up to what the leader's pending part was published here.
    seq: u64,
    syncs: Vec<(u64, Option<Reply<()>>, Instant)>,
    next_sync: u64,
    heard: Instant,
    asked: Option<Instant>,
    is_silent: bool,
}

/// What a process that does not lead answers when it takes too long.
pub(super) fn no_answer() -> StorageError {
    StorageError {
        kind: StorageKind::Busy,
        path: None,
        message: "the process that leads this store does not answer; what was committed is safe in the journal".into(),
    }
}

impl Follower {
    /// Tells the sessions what they missed, hands over what waits, and asks for all that comes. `place` is where the
    /// sessions stand; `None` where there are none yet.
    pub(super) fn start(
        desk: &Arc<Desk>,
        link: Link,
        (log, state, generation): (Eventlog, StateReader, u64),
        attached: &mut Attached,
        stood: Option<(u64, u64)>,
    ) -> Result<Self, String> {
        let now = Instant::now();
        let mut follower = Self {
            desk: Arc::clone(desk),
            link,
            log,
            state,
            attached: std::mem::take(attached),
            place: 0,
            generation,
            seq: 0,
            syncs: Vec::new(),
            next_sync: 0,
            heard: now,
            asked: None,
            is_silent: false,
        };
        let started = follower
            .catch_up(stood)
            .map_err(|error| error.to_string())
            .and_then(|()| follower.submit_waiting().and_then(|()| follower.feed()).map_err(|error| error.to_string()));
        if let Err(reason) = started {
            *attached = std::mem::take(&mut follower.attached);
            return Err(reason);
        }
        Ok(follower)
    }

    pub(super) fn log(&self) -> &Eventlog {
        &self.log
    }

    fn catch_up(&mut self, stood: Option<(u64, u64)>) -> Result<(), StorageError> {
        // The leader says so too, perhaps after it told what became of the first groups.
        self.attached.is_provisional = self.log.backend()?.is_none();
        // Up to the state's position every group is judged.
        let position = self.state.position()?;
        let place = stood.filter(|(_, generation)| *generation == self.generation).map(|(place, _)| place);
        let is_restarted = stood.is_some() && place.is_none();
        if is_restarted {
            self.restart_sessions()?;
        }
        // For the receipts, where the log began again: what has its place already is not told again.
        self.place = if is_restarted { 0 } else { place.unwrap_or(position.place) };
        let since = self.place;
        // With no session to tell, only what comes is wanted: one that attaches reads what is pending from the log.
        let told = self.attached.sessions().map(|(_, port)| port.stands_at().1).min();
        self.seq = told.unwrap_or(self.log.pending_seq());
        while self.place < position.place {
            let mut judged = judged_after(&self.log, self.state.db(), self.place)?;
            judged.retain(|judged| judged.head.place <= position.place);
            let Some(last) = judged.last() else { break };
            self.place = last.head.place;
            self.attached.publish(&judged, &self.desk);
        }
        if stood.is_some() {
            let dropped = dropped_since(&self.log, since)?;
            dropped.iter().for_each(|dropped| self.attached.dropped(dropped, &self.desk));
            self.tell_pending()?;
            if is_restarted {
                self.attached.end_lost_receipts(&self.log, &dropped, || self.log.pending_groups(), &self.desk)?;
            }
        }
        let quarantined = self.state.quarantined()?;
        self.desk.change_status(|status| {
            status.state = LeaderState::Running;
            (status.head, status.place, status.quarantined) = (position.number, position.place, quarantined);
            status.generation = self.generation;
            if is_restarted {
                (status.synced_place, status.synced_seq) = (0, 0); // Of the log before.
            }
        });
        Ok(())
    }

    /// The log began again under another backend since the sessions were told of it.
    fn restart_sessions(&self) -> Result<(), StorageError> {
        self.attached.sessions().try_for_each(|(nonce, port)| {
            // The copy first: what is taken after it is told after it.
            let (state, position) = self.state.copy()?;
            let taken = self.log.taken(nonce)?.unwrap_or(0);
            port.restart(Restart { state, position, taken });
            self.desk.note_told();
            Ok(())
        })
    }

    fn feed(&mut self) -> io::Result<()> {
        self.link.send(&ToLeader::Feed { generation: self.generation, after: self.place, seq: self.seq })
    }

    fn submit_waiting(&mut self) -> io::Result<()> {
        send_groups(&mut self.link, self.attached.waiting.make_contiguous())
    }

    /// Serves until the last session or the leader is gone.
    pub(super) fn work(&mut self) -> Ended {
        loop {
            let Work { submissions, requests, wants_sync, is_stopping } = self.desk.work_within(QUIET);
            let from = self.attached.waiting.len();
            self.attached.waiting.extend(submissions);
            let sent = send_groups(&mut self.link, &self.attached.waiting.make_contiguous()[from..]);
            requests.into_iter().for_each(|request| self.serve(request));
            if wants_sync {
                self.ask_for_sync(None);
            }
            let received = self.receive_all();
            self.answer_late_syncs();
            if is_stopping {
                return Ended::Stopped;
            }
            if let Err(reason) =
                sent.map_err(|error| error.to_string()).and(received).and_then(|()| self.ask_if_quiet())
            {
                return Ended::Lost(reason);
            }
        }
    }

    /// What the leader left unanswered, for the next one.
    pub(super) fn take_syncs(&mut self) -> Vec<Request> {
        self.syncs.drain(..).filter_map(|(_, reply, _)| Some(Request::Sync { reply: reply? })).collect()
    }

    fn receive_all(&mut self) -> Result<(), String> {
        loop {
            match self.link.receive() {
                Received::Nothing => return Ok(()),
                Received::Lost => return Err("the process that led the store went away".into()),
                Received::Message(message) => self.receive(message)?,
            }
        }
    }

    fn receive(&mut self, message: ToFollower) -> Result<(), String> {
        self.heard = Instant::now();
        self.asked = None;
        if std::mem::take(&mut self.is_silent) {
            self.desk.set_state(LeaderState::Running);
        }
        match message {
            ToFollower::News { news } => {
                let heard: Option<Vec<Heard>> = news.into_iter().map(NewsItem::into_heard).collect();
                self.hear(heard.ok_or("the leader published what is no commit group")?)?;
            }
            ToFollower::SyncStatus { status } => {
                self.attached.is_provisional = status.backend_id.is_none();
                show_sync_of_leader(&self.desk, *status);
            }
            ToFollower::Synced { place, seq } if place >= self.place && seq >= self.seq => {
                self.attached.synced(place, seq, &self.desk);
            }
            // What was published since is not in it; the next one will be.
            ToFollower::Synced { .. } => {}
            ToFollower::SyncDone { id, error } => self.sync_done(id, error),
            ToFollower::Pong { trouble: None } => self.desk.set_state(LeaderState::Running),
            ToFollower::Pong { trouble: Some(message) } => {
                let error = StorageError { kind: StorageKind::Io, path: None, message };
                self.desk.set_state(LeaderState::Retrying { error, retry_in_ms: 0 });
            }
            ToFollower::Welcome { .. } | ToFollower::OtherSchema { .. } => {
                return Err("the leader greeted twice".into());
            }
            ToFollower::Refused { reason } => return Err(reason),
        }
        Ok(())
    }

    /// Tells the sessions, in order.
    fn hear(&mut self, heard: Vec<Heard>) -> Result<(), String> {
        let (mut judged, mut accepted) = (Vec::new(), Vec::new());
        for heard in heard {
            if !matches!(heard, Heard::Confirmed(_)) {
                self.publish(&std::mem::take(&mut judged))?;
            }
            if !matches!(heard, Heard::Accepted(_)) {
                self.accept(&std::mem::take(&mut accepted));
            }
            match heard {
                Heard::Confirmed(confirmed) => judged.push(confirmed),
                Heard::Accepted(group) => accepted.push(group),
                Heard::Dropped(dropped) => self.attached.dropped(&dropped, &self.desk),
            }
        }
        self.publish(&judged)?;
        self.accept(&accepted);
        Ok(())
    }

    fn accept(&mut self, accepted: &[Accepted]) {
        let Some(last) = accepted.last() else { return };
        self.seq = last.seq;
        self.desk.change_status(|status| status.seq = last.seq);
        self.attached.accepted(accepted, &self.desk);
    }

    fn pending_after(&self, seq: u64) -> Result<Vec<Accepted>, StorageError> {
        let groups = self.log.pending_after(seq, PENDING_PAGE)?;
        Ok(groups.into_iter().map(|(group, seq)| Accepted { group, seq }).collect())
    }

    /// Before anything is handed over: a leader that began anew may not know any more that the log has it.
    fn tell_pending(&mut self) -> Result<(), StorageError> {
        loop {
            let accepted = self.pending_after(self.seq)?;
            if accepted.is_empty() {
                return Ok(());
            }
            self.accept(&accepted);
        }
    }

    /// Tells a session that just attached what is pending.
    fn tell_pending_to(&self, port: &Port, nonce: JournalNonce) -> Result<(), StorageError> {
        let mut seq = 0;
        loop {
            let accepted = self.pending_after(seq)?;
            let Some(last) = accepted.last() else { return Ok(()) };
            seq = last.seq;
            port.accepted(&accepted, |group| group.nonce == nonce);
        }
    }

    fn publish(&mut self, judged: &[Judged]) -> Result<(), String> {
        let mut place = self.place;
        for next in judged {
            // Places count without gaps: a hole here would be a hole in state.
            if next.head.place != place + next.group.events.len() as u64 {
                return Err(format!("the leader published event {} after {place}", next.head.place));
            }
            place = next.head.place;
        }
        let Some(last) = judged.last() else { return Ok(()) };
        self.desk.change_status(|status| {
            (status.head, status.place) = (last.head.number, last.head.place);
            status.quarantined.extend(judged.iter().filter_map(quarantined));
            let too_many = status.quarantined.len().saturating_sub(QUARANTINED_MAX);
            status.quarantined.drain(..too_many);
        });
        self.attached.publish(judged, &self.desk);
        self.place = last.head.place;
        Ok(())
    }

    fn sync_done(&mut self, id: u64, error: Option<String>) {
        let Some(index) = self.syncs.iter().position(|(known, ..)| *known == id) else { return };
        let (_, reply, _) = self.syncs.swap_remove(index);
        let done = match error {
            None => Ok(()),
            Some(message) => Err(StorageError { kind: StorageKind::Io, path: None, message }),
        };
        if let Some(reply) = reply {
            let _ = reply.send(done);
        }
    }

    fn answer_late_syncs(&mut self) {
        for (_, reply, _) in self.syncs.extract_if(.., |(_, _, asked)| asked.elapsed() > ANSWER_MAX) {
            if let Some(reply) = reply {
                let _ = reply.send(Err(no_answer()));
            }
        }
    }

    fn ask_if_quiet(&mut self) -> Result<(), String> {
        let Some(asked) = self.asked else {
            if self.heard.elapsed() < QUIET {
                return Ok(());
            }
            self.asked = Some(Instant::now());
            return self.link.send(&ToLeader::Ping).map_err(|error| error.to_string());
        };
        if asked.elapsed() > SILENT && !self.is_silent {
            self.is_silent = true;
            self.desk.set_state(LeaderState::Silent);
        }
        Ok(())
    }

    fn ask_for_sync(&mut self, reply: Option<Reply<()>>) {
        self.next_sync += 1;
        self.syncs.push((self.next_sync, reply, Instant::now()));
        // A line that is lost is noticed by the next thing that is received.
        let _ = self.link.send(&ToLeader::Sync { id: self.next_sync });
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Attach { nonce, port, reply } => {
                let copied = self.state.copy();
                if let Ok((_, position)) = &copied {
                    self.attached.add(nonce, Arc::clone(&port), *position);
                }
                let told = copied.and_then(|copy| self.tell_pending_to(&port, nonce).map(|()| copy));
                let is_told = told.is_ok();
                if reply.send(told).is_err() || !is_told {
                    self.attached.remove(nonce, &self.desk); // Nobody would empty its feed.
                }
            }
            Request::Detach { nonce } => self.attached.remove(nonce, &self.desk),
            Request::Read { after, filter, limit, reply } => {
                let rows = self.log.rows_after(after, &filter, limit);
                // Read after the rows: these are of the log that was published here, or whoever asked has to ask again.
                let is_same = self.log.generation().map(|generation| generation == self.generation);
                let _ = reply.send(is_same.and_then(|is_same| if is_same { rows } else { Err(no_answer()) }));
            }
            Request::Export { what, target, reply } => {
                let _ = reply.send(match what {
                    Export::Eventlog => self.log.export(&target),
                    Export::State => self.state.export(&target),
                });
            }
            Request::Sync { reply } => self.ask_for_sync(Some(reply)),
            // Only a leader is asked these; who does not lead has nobody to tell.
            Request::Feed { port, .. } => port.close("this process does not lead"),
            Request::TakeJournals => {}
            Request::StartSync { reply } => {
                show_sync_of_leader(&self.desk, self.desk.status().sync);
                let _ = reply.send(Ok(()));
            }
            Request::HurrySync => {
                // A line that is lost is noticed by the next thing that is received.
                let _ = self.link.send(&ToLeader::HurrySync);
            }
        }
    }
}

/// Shows what the leader says of sync, and where it does none although this process could.
pub(super) fn show_sync_of_leader(desk: &Desk, mut sync: SyncStatus) {
    if sync.state == SyncState::Off && desk.sync_setup().is_some() {
        sync.state = SyncState::OffAtLeader;
    }
    desk.change_status(|status| status.sync = sync);
}

fn quarantined(judged: &Judged) -> Option<Quarantined> {
    let Verdict::Quarantined(reason) = &judged.verdict else { return None };
    Some(Quarantined {
        number: judged.head.number,
        events: judged.group.events.len(),
        event: judged.group.events.first()?.name.to_string(),
        reason: reason.to_string(),
    })
}

fn send_groups(link: &mut Link, mut submissions: &[Submission]) -> io::Result<()> {
    while !submissions.is_empty() {
        let (part, rest) = submissions.split_at(message_len(submissions));
        link.send(&submit(part))?;
        submissions = rest;
    }
    Ok(())
}

fn submit(submissions: &[Submission]) -> ToLeader {
    ToLeader::Submit { groups: submissions.iter().map(|submission| Group::of(&submission.group)).collect() }
}

/// How many of the groups make the next message: at least one, then while they fit.
fn message_len(submissions: &[Submission]) -> usize {
    let mut bytes = 0;
    let fits = |submission: &&Submission| {
        let events = submission.group.events.iter();
        bytes += GROUP_FRAME + events.map(|event| event.bytes() + EVENT_FRAME).sum::<usize>();
        bytes <= SUBMIT_BYTES
    };
    submissions.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::native::frame;
    use crate::event::{CommitGroup, EncodedEvent};
    use crate::ids::{ClientId, SessionId};

    fn submission(ordinal: u64, events: usize) -> Submission {
        let event = EncodedEvent { name: "t".into(), client_only: false, args: None };
        let (client_id, session_id) =
            (ClientId::from_stored("client"), SessionId::from_stored("session-of-22-letters-"));
        let id = (JournalNonce([255; 11]), ordinal);
        let group = CommitGroup::new(id, client_id, session_id, vec![event; events]);
        Submission { group: Arc::new(group), slot: Arc::default(), is_foreign: false }
    }

    /// A message that is too long is never sent, however often it is tried.
    #[test]
    fn groups_that_hold_next_to_nothing_fit_a_message() {
        for events in [1, 1_000] {
            let waiting: Vec<_> = (0..200_000 / events as u64).map(|nth| submission(1 << 39 | nth, events)).collect();
            let len = message_len(&waiting);
            let mut sent = Vec::new();
            frame::write(&mut sent, &submit(&waiting[..len])).unwrap();
            assert!(sent.len() < 4 << 20, "{len} groups of {events} events are {} bytes", sent.len());
        }
    }
}
