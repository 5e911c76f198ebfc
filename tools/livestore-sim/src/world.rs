//! A run: clients, network and backend in one virtual time.

use crate::backend::Backend;
use crate::client::{Client, STORE};
use crate::disk::Disk;
use crate::history::History;
use crate::{Action, Plan, Report, SimNetwork, Workload};
use livestore::OnOtherBackend;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long everything may take to come to rest once nothing goes wrong any more, beyond the waits before retries.
const REST_MAX: Duration = Duration::from_secs(60);
/// More steps than come between two things that happen, some times over: what goes on and on is as bad as what stands still.
const TURNS_MAX: u64 = 3_000;
/// And so many more for each second: pings, and looks at what ended.
const TURNS_PER_SECOND: u64 = 40;
/// After so many steps comes what costs more to check.
const DEAR_EVERY: u64 = 50;

pub(crate) struct World<W: Workload> {
    pub(crate) plan: Plan,
    pub(crate) workload: W,
    pub(crate) now: Duration,
    pub(crate) network: SimNetwork,
    pub(crate) backend: Backend,
    pub(crate) clients: Vec<Client<W>>,
    pub(crate) history: History,
    pub(crate) refuses: Arc<AtomicBool>,
    pub(crate) refused: Arc<Mutex<BTreeSet<String>>>,
    /// Whether the backend can be reached.
    pub(crate) is_online: bool,
    pub(crate) next_origin: u64,
    steps: u64,
    /// Steps since something happened.
    turns: u64,
    turns_since: Duration,
    /// The client that ends so many durable steps from here.
    pub(crate) doom: Option<(usize, u64)>,
    /// After the clients, which keep their data there.
    pub(crate) disk: Disk,
}

impl<W: Workload> World<W> {
    pub(crate) fn new(plan: Plan) -> Self {
        livestore::__testing::seed_ids(Some(plan.seed));
        let backend = Backend::new(&plan);
        let (refuses, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeSet::new())));
        let (is_asked, notes) = (Arc::clone(&refuses), Arc::clone(&refused));
        backend.on_push(move |event| {
            let key = crate::history::commit_of(event, W::tag);
            let mut refused = notes.lock().unwrap_or_else(PoisonError::into_inner);
            // What was refused once is refused for ever: to try it again helps nobody.
            let is_known = key.as_ref().is_some_and(|key| refused.contains(key));
            if !W::is_refusable(event) || !(is_known || is_asked.load(Ordering::Relaxed)) {
                return Ok(());
            }
            refused.extend(key);
            Err("not now, and never".into())
        });
        let network = SimNetwork::over(backend.clone(), plan.network, plan.seed ^ 0xfeed);
        if let Some(secret) = W::SECRET {
            network.guard(secret);
        }
        let homes = plan.natives.iter().zip(&plan.policies).enumerate();
        let disk = Disk::new(plan.script.iter().any(|step| matches!(step.action, Action::Disk(_))));
        let directory = |index: usize| disk.root().join(index.to_string());
        let client = |(index, (is_native, policy)): (usize, (&bool, &OnOtherBackend))| {
            Client::new(index, is_native.then(|| directory(index)), *policy)
        };
        let clients = homes.map(client).collect();
        let history = History::new(plan.keeps_identity, W::tag);
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
            is_online: true,
            next_origin: 0,
            steps: 0,
            turns: 0,
            turns_since: Duration::ZERO,
            doom: None,
            disk,
        }
    }

    pub(crate) fn run(&mut self) -> Result<Report, String> {
        let root = self.disk.root().to_owned();
        match self.disk.vfs() {
            Some(vfs) => livestore::__testing::with_vfs(&root, vfs.name(), || {
                let done = self.run_script();
                self.clients.clear(); // None may outlive the VFS.
                done
            }),
            None => self.run_script(),
        }
    }

    fn run_script(&mut self) -> Result<Report, String> {
        for index in 0..self.clients.len() {
            self.open(index)?;
        }
        let script = std::mem::take(&mut self.plan.script);
        for step in &script {
            self.run_until(step.at)?;
            (self.turns, self.turns_since) = (0, self.now);
            self.act(&step.action)?;
            self.tick()?;
        }
        if let Some(every) = self.plan.confirms_every {
            self.history.receipts.check_progress(self.clients.len() as u64, self.now, every)?;
            crate::sometimes!("everybody gets on who writes without a pause");
        }
        self.heal()?;
        self.check_end()?;
        let (hash, frames) = self.network.trace();
        let events = self.backend.head(STORE);
        Ok(Report { hash, frames, events, steps: self.steps, time: self.now, marks: crate::marks::take() })
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
        let turns_max = TURNS_MAX + TURNS_PER_SECOND * self.now.saturating_sub(self.turns_since).as_secs();
        if self.turns > turns_max
            || self.network.rush().is_some()
            || self.clients.iter().any(|client| client.is_turning)
        {
            return Err(format!("L3: it turns and turns: {}", self.describe()));
        }
        self.network.advance(self.now);
        for index in 0..self.clients.len() {
            self.endangered(index, |world| world.clients[index].pump(world.now))?;
        }
        let is_dear = self.steps.is_multiple_of(DEAR_EVERY);
        self.check_cheap(is_dear)?;
        if is_dear { self.check_dear() } else { Ok(()) }
    }

    /// Everything that went wrong ends; now all must come to rest.
    fn heal(&mut self) -> Result<(), String> {
        (self.turns, self.turns_since) = (0, self.now);
        self.network.heal();
        self.doom = None;
        self.heal_disk()?;
        self.backend.clear_faults();
        self.backend.set_online(true);
        self.backend.refuse_auth(None);
        self.refuses.store(false, Ordering::Relaxed);
        for index in 0..self.clients.len() {
            self.clients[index].asleep_until = self.now;
            self.clients[index].clock.heal(self.now);
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
        let mut end = self.now + REST_MAX + Duration::from_millis(waits.max().unwrap_or_default());
        (self.turns, self.turns_since) = (0, self.now);
        // A backend that was replaced twice makes a client wait once more when it learns of the second.
        let mut more = self.history.past.len();
        while !self.is_at_rest() {
            match self.next_due() {
                Some(due) if due < end => self.now = due,
                Some(_) if more > 0 => {
                    more -= 1;
                    let sessions = self.clients.iter().flat_map(|client| &client.sessions);
                    let waits = sessions.filter_map(|session| session.store.sync_status().next_retry_ms);
                    end += REST_MAX + Duration::from_millis(waits.max().unwrap_or_default());
                    continue;
                }
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
        let leaders =
            self.clients.iter().filter_map(|client| Some((client.index, client.sessions.first()?.store.status())));
        let leaders: String =
            leaders.map(|(index, status)| format!("\n  client {index}: {:?}", status.leader)).collect();
        format!("the backend is at {}{leaders}{}", self.backend.head(STORE), lines.collect::<String>())
    }
}
