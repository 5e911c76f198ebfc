//! What a script does.

use crate::world::World;
use crate::{Action, Rng, Tags, Workload};
use livestore::{CommitError, Fault, OnOtherBackend};
use std::sync::atomic::Ordering;
use std::time::Duration;

const TEN_YEARS: Duration = Duration::from_secs(86_400 * 3_650);

impl<W: Workload> World<W> {
    pub(crate) fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Commit { client, session, seed } => self.commit(*client, *session, *seed)?,
            Action::Open(client) => {
                if self.clients[*client].sessions.len() < 3 {
                    self.open(*client)?;
                }
            }
            Action::Close(..) if self.cannot_close() => {}
            Action::Close(client, session) => self.close(*client, *session)?,
            Action::Crash(client) => {
                let has_pending = self.clients[*client].sessions.iter().any(|s| s.store.sync_status().pending > 0);
                crate::sometimes!("a client crashes with events pending", has_pending);
                self.crash(*client, true)?;
            }
            Action::Sleep(client, time) => self.clients[*client].asleep_until = self.now + *time,
            Action::Jump(client, time) => {
                crate::sometimes!("a clock jumps ten years", *time > TEN_YEARS);
                self.clients[*client].clock.jump(*time);
            }
            Action::Back(client, time) => {
                crate::sometimes!("a clock goes back");
                self.clients[*client].clock.go_back(*time);
            }
            Action::Still(client, is_still) => {
                crate::sometimes!("a clock stands still", *is_still);
                self.clients[*client].clock.stand_still(*is_still, self.now);
            }
            Action::CrashAt(client, points) => self.doom = Some((*client, *points)),
            Action::Disk(seed) => self.spoil_disk(*seed),
            Action::DiskHeals => self.heal_disk()?,
            Action::Cut(client) => self.network.cut(*client),
            Action::Hold(client, is_held) => {
                let has_pending = self.clients[*client].sessions.iter().any(|s| s.store.sync_status().pending > 0);
                crate::sometimes!("messages stand still with events pending", *is_held && has_pending);
                self.network.hold(*client, *is_held);
            }
            Action::Online(is_online) => {
                self.is_online = *is_online;
                self.backend.set_online(*is_online);
            }
            Action::Auth(is_let_in) => self.backend.refuse_auth((!is_let_in).then_some("the token is too old")),
            Action::Refuse(refuses) => self.refuses.store(*refuses, Ordering::Relaxed),
            Action::Fault(seed) => self.backend.inject(fault(*seed)),
            Action::Replace(lost) => self.replace(*lost)?,
            Action::Rewind(events) => self.rewind(*events)?,
            Action::Strange => self.meet_stranger(),
        }
        Ok(())
    }

    fn commit(&mut self, client: usize, session: usize, seed: u64) -> Result<(), String> {
        if self.clients[client].sessions.is_empty() {
            self.open(client)?;
        }
        if !self.clients[client].sessions.is_empty() {
            self.endangered(client, |world| world.commit_now(client, session, seed))?.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    fn commit_now(&mut self, index: usize, session: usize, seed: u64) -> Result<(), String> {
        let client = &mut self.clients[index];
        let count = client.sessions.len();
        let session = &mut client.sessions[session % count];
        session.commits += 1;
        let (origin, number) = (session.origin, session.commits);
        let mut tags = Tags::new(origin, number);
        match self.workload.commit(&session.store, &mut tags, &mut Rng::new(seed)) {
            Ok(receipt) => self.history.receipts.add(origin, number, tags.taken(), receipt),
            Err(error) => {
                crate::sometimes!("a commit is refused at once");
                crate::sometimes!(
                    "a commit is refused because the disk fails",
                    matches!(error, CommitError::Storage(_))
                );
                self.history.refused(origin, number);
                self.judge_refusal(index, &error)?;
            }
        }
        Ok(())
    }

    pub(crate) fn open(&mut self, client: usize) -> Result<(), String> {
        self.next_origin += 1;
        if self.clients[client].policy == OnOtherBackend::KeepAside {
            self.history.keeps_aside(self.next_origin);
        }
        let opened = self.clients[client].open(&self.network, self.next_origin);
        self.judge_open(client, opened)
    }

    pub(crate) fn close(&mut self, client: usize, session: usize) -> Result<(), String> {
        let is_away = !self.is_online;
        let Some(closed) = self.clients[client].close(session, self.disk.fault.is_some())? else { return Ok(()) };
        crate::sometimes!("a session closes while the backend is away", is_away);
        // As long as the leader has another session it tells the receipts of this one too.
        if self.clients[client].sessions.is_empty() { self.history.receipts.check_closed(closed) } else { Ok(()) }
    }

    /// The process ends, and starts again. What is there between two commits is there afterwards.
    pub(crate) fn crash(&mut self, client: usize, is_between: bool) -> Result<(), String> {
        let client_now = &self.clients[client];
        let before = match &client_now.sessions[..] {
            [session] if is_between && client_now.is_native() && !self.history.is_shaken() => {
                self.workload.own(&session.store).ok()
            }
            _ => None,
        };
        let ended: Vec<u64> = client_now.sessions.iter().map(|session| session.origin).collect();
        let lost = self.clients[client].crash();
        self.history.may_lose(&lost);
        ended.into_iter().try_for_each(|origin| self.history.receipts.check_closed(origin))?;
        self.open(client)?;
        let Some(session) = self.clients[client].sessions.first() else { return Ok(()) };
        let Some(before) = before else { return Ok(()) };
        let after = self.workload.own(&session.store).map_err(|error| error.to_string())?;
        crate::sometimes!("what is of its client alone survives a crash", after == before);
        // A group that fails at its final place takes with it what it set.
        if after != before && session.store.status().quarantined.is_empty() {
            return Err(format!("D1: client {client} had\n  {before}\nand has, started again,\n  {after}"));
        }
        Ok(())
    }
}

fn fault(seed: u64) -> Fault {
    match seed % 8 {
        0 => Fault::LoseAnswer,
        1 => Fault::LosePush,
        2 => Fault::Busy,
        3 => Fault::LosePage,
        4 => Fault::DuplicatePage,
        5 => Fault::OverlapPage { events: seed >> 8 & 7 },
        6 => Fault::GapInPage,
        _ => Fault::CutAfter { events: (seed >> 8 & 3) as usize },
    }
}
