//! A run: clients, network and backend in one virtual time.

use crate::client::{Client, STORE};
use crate::history::History;
use crate::{Action, Plan, Report, Rng, SimNetwork, Tags, Workload};
use livestore::{Fault, MemoryBackend, OnOtherBackend};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long everything may take to come to rest once nothing goes wrong any more, beyond the waits before retries.
const REST_MAX: Duration = Duration::from_secs(60);
/// More steps than come between two things that happen, some times over: what goes on and on is as bad as what stands still.
const TURNS_MAX: u64 = 3_000;
/// After so many steps comes what costs more to check.
const DEAR_EVERY: u64 = 50;

pub(crate) struct World<W: Workload> {
    pub(crate) plan: Plan,
    pub(crate) workload: W,
    pub(crate) now: Duration,
    pub(crate) network: SimNetwork,
    pub(crate) backend: MemoryBackend,
    pub(crate) clients: Vec<Client<W>>,
    pub(crate) history: History,
    refuses: Arc<AtomicBool>,
    pub(crate) refused: Arc<Mutex<BTreeSet<String>>>,
    next_origin: u64,
    steps: u64,
    /// Steps since something happened.
    turns: u64,
}

impl<W: Workload> World<W> {
    pub(crate) fn new(plan: Plan) -> Self {
        livestore::__testing::seed_ids(Some(plan.seed));
        let backend = if plan.keeps_identity { MemoryBackend::new() } else { MemoryBackend::like_the_original() };
        let backend = backend.with_id("simulated-backend");
        let (refuses, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeSet::new())));
        let (is_asked, notes) = (Arc::clone(&refuses), Arc::clone(&refused));
        backend.on_push(move |event| {
            let key = crate::history::commit_of(event);
            let mut refused = notes.lock().unwrap_or_else(PoisonError::into_inner);
            // What was refused once is refused for ever: to try it again helps nobody.
            let is_known = key.as_ref().is_some_and(|key| refused.contains(key));
            if !W::is_refusable(event) || !(is_known || is_asked.load(Ordering::Relaxed)) {
                return Ok(());
            }
            refused.extend(key);
            Err("not now, and never".into())
        });
        let network = SimNetwork::new(backend.clone(), plan.network, plan.seed ^ 0xfeed);
        if let Some(secret) = W::SECRET {
            network.guard(secret);
        }
        let homes = plan.natives.iter().zip(&plan.policies).enumerate();
        let clients = homes.map(|(index, (is_native, policy))| Client::new(index, *is_native, *policy)).collect();
        let history = History::new(plan.keeps_identity);
        Self {
            plan,
            workload: W::default(),
            now: Duration::ZERO,
            network,
            backend,
            clients,
            history,
            refuses,
            refused,
            next_origin: 0,
            steps: 0,
            turns: 0,
        }
    }

    pub(crate) fn run(&mut self) -> Result<Report, String> {
        for index in 0..self.clients.len() {
            self.open(index)?;
        }
        let script = std::mem::take(&mut self.plan.script);
        for step in &script {
            self.run_until(step.at)?;
            self.turns = 0;
            self.act(&step.action)?;
            self.tick()?;
        }
        self.heal()?;
        self.check_end()?;
        let (hash, frames) = self.network.trace();
        let events = self.backend.head(STORE);
        Ok(Report { hash, frames, events, steps: self.steps, time: self.now, marks: crate::marks::take() })
    }

    pub(crate) fn open(&mut self, client: usize) -> Result<(), String> {
        self.next_origin += 1;
        if self.clients[client].policy == OnOtherBackend::KeepAside {
            self.history.keeps_aside(self.next_origin);
        }
        self.clients[client].open(&self.network, self.next_origin)
    }

    fn run_until(&mut self, end: Duration) -> Result<(), String> {
        while let Some(due) = self.next_due().filter(|due| *due < end) {
            self.now = due;
            self.tick()?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// When something is next to do.
    fn next_due(&self) -> Option<Duration> {
        let dues = self.clients.iter().filter_map(|client| client.due);
        // Time goes on with each step, so that nothing can turn for ever in one moment.
        dues.chain(self.network.next_due()).min().map(|due| due.max(self.now + Duration::from_micros(100)))
    }

    /// Everybody does what is due, and what is cheap is checked.
    fn tick(&mut self) -> Result<(), String> {
        self.steps += 1;
        self.turns += 1;
        if self.turns > TURNS_MAX
            || self.network.rush().is_some()
            || self.clients.iter().any(|client| client.is_turning)
        {
            return Err(format!("L3: it turns and turns: {}", self.describe()));
        }
        self.network.advance(self.now);
        self.clients.iter_mut().for_each(|client| client.pump(self.now));
        let is_dear = self.steps.is_multiple_of(DEAR_EVERY);
        self.check_cheap(is_dear)?;
        if is_dear { self.check_dear() } else { Ok(()) }
    }

    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Commit { client, session, seed } => self.commit(*client, *session, *seed)?,
            Action::Open(client) => {
                if self.clients[*client].sessions.len() < 3 {
                    self.open(*client)?;
                }
            }
            Action::Close(client, session) => self.clients[*client].close(*session)?,
            Action::Crash(client) => {
                let has_pending = self.clients[*client].sessions.iter().any(|s| s.store.sync_status().pending > 0);
                crate::sometimes!("a client crashes with events pending", has_pending);
                let lost = self.clients[*client].crash();
                self.history.may_lose(&lost);
                self.open(*client)?;
            }
            Action::Sleep(client, time) => self.clients[*client].asleep_until = self.now + *time,
            Action::Jump(client, time) => self.clients[*client].skew += *time,
            Action::Cut(client) => self.network.cut(*client),
            Action::Hold(client, is_held) => {
                let has_pending = self.clients[*client].sessions.iter().any(|s| s.store.sync_status().pending > 0);
                crate::sometimes!("messages stand still with events pending", *is_held && has_pending);
                self.network.hold(*client, *is_held);
            }
            Action::Online(is_online) => self.backend.set_online(*is_online),
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
        let client = &mut self.clients[client];
        let count = client.sessions.len();
        let session = &mut client.sessions[session % count];
        session.commits += 1;
        let mut tags = Tags::new(session.origin, session.commits);
        match self.workload.commit(&session.store, &mut tags, &mut Rng::new(seed)) {
            Ok(receipt) => self.history.receipts.add(session.origin, session.commits, tags.taken(), receipt),
            Err(_) => crate::sometimes!("a commit is refused at once"),
        }
        Ok(())
    }

    /// Everything that went wrong ends; now all must come to rest.
    fn heal(&mut self) -> Result<(), String> {
        self.turns = 0;
        self.network.heal();
        self.backend.clear_faults();
        self.backend.set_online(true);
        self.backend.refuse_auth(None);
        self.refuses.store(false, Ordering::Relaxed);
        for index in 0..self.clients.len() {
            self.clients[index].asleep_until = self.now;
            if self.clients[index].sessions.is_empty() {
                self.open(index)?;
            }
        }
        self.tick()?;
        // What was said before is heard yet, and may lead to one more wait.
        self.run_until(self.now + self.plan.network.latency_max * 4 + Duration::from_secs(1))?;
        self.come_to_rest()
    }

    pub(crate) fn come_to_rest(&mut self) -> Result<(), String> {
        let sessions = self.clients.iter().flat_map(|client| &client.sessions);
        let waits = sessions.filter_map(|session| session.store.sync_status().next_retry_ms);
        let end = self.now + REST_MAX + Duration::from_millis(waits.max().unwrap_or_default());
        while !self.is_at_rest() {
            match self.next_due() {
                Some(due) if due < end => self.now = due,
                _ => return Err(format!("L1: not at rest after {REST_MAX:?}: {}", self.describe())),
            }
            self.tick()?;
        }
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        let head = self.backend.head(STORE);
        self.clients.iter().all(|client| {
            client.may_have_stopped(self.history.is_shaken()) || (client.is_synced_to(head) && client.is_current)
        })
    }

    fn describe(&self) -> String {
        let sessions = self.clients.iter().flat_map(|client| client.sessions.iter().map(move |s| (client.index, s)));
        let lines =
            sessions.map(|(index, s)| format!("\n  client {index}, session {}: {:?}", s.origin, s.store.sync_status()));
        format!("the backend is at {}{}", self.backend.head(STORE), lines.collect::<String>())
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
