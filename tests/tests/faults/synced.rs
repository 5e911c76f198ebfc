//! A store with a backend while its disk fails, pumped, so that a run is the same each time. Whatever failed, the next start
//! finds what was committed, and backend and client come to the same log, with every event once.

use crate::after::{self, Expected};
use crate::{STORE, Visit};
use livestore::__testing::{abandon, seed_ids, tune, with_files, with_vfs};
use livestore::*;
use livestore_tests::fault_vfs::{Fault, FaultVfs};
use livestore_tests::ledger::{App, Step, Stepped};
use livestore_tests::scratch::Scratch;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What was committed as one.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) run: i64,
    /// Which of the run's sessions committed it: their order among each other is the leader's to say.
    pub(crate) session: usize,
    pub(crate) seqs: std::ops::RangeInclusive<i64>,
    /// The commit said that it is safe; else it said that nothing of it is.
    pub(crate) is_acked: bool,
}

/// The first step of a group that the backend rejects, wherever it has one that rejects.
const REJECTED: i64 = 3;

/// One thing that happens between a store and its backend.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    kind: fn() -> MemoryBackend,
    policy: OnOtherBackend,
    /// What the client does before, with a disk that works.
    before: fn(&mut Client<'_>),
    /// What becomes of the backend while the client is away.
    away: fn(&MemoryBackend),
    run: fn(&mut Client<'_>),
    disk: Disk,
}

const KEEPS: fn() -> MemoryBackend = MemoryBackend::new;
const STRIPS: fn() -> MemoryBackend = MemoryBackend::like_the_original;
const REJOIN: OnOtherBackend = OnOtherBackend::Rejoin;
const ASIDE: OnOtherBackend = OnOtherBackend::KeepAside;

/// What fails.
#[derive(Clone, Copy, PartialEq)]
enum Disk {
    /// Eventlog and state.
    Databases,
    /// Journals, locks and `livestore.json`.
    Files,
}

pub(crate) const SCENARIOS: [Scenario; 14] = [
    scenario("pull page", KEEPS, REJOIN, in_sync, |backend| others(backend, 130), settled),
    scenario("rebase", KEEPS, REJOIN, pending, |backend| others(backend, 3), while_others_write),
    scenario("rebase, ids stripped", STRIPS, REJOIN, pending, |backend| others(backend, 3), while_others_write),
    scenario("confirm", KEEPS, REJOIN, pending, nothing, commits),
    scenario("confirm, ids stripped", STRIPS, REJOIN, pending, nothing, commits),
    scenario("reject", KEEPS, REJOIN, pending, rejects, commits),
    scenario("attach", KEEPS, REJOIN, alone, |backend| others(backend, 2), commits),
    scenario("synced handover", KEEPS, REJOIN, killed, |backend| others(backend, 2), commits),
    scenario("rejoin", KEEPS, REJOIN, pending, another, commits),
    scenario("rejoin after a loss", KEEPS, REJOIN, pending, |backend| backend.rewind(STORE, 2), commits),
    scenario("keep aside", KEEPS, ASIDE, pending, another, commits),
    files("files of a first open", |_| {}, commits),
    files("journals that grow and are cut", in_sync, many_commits),
    files("journals that are taken", killed, commits),
];

const fn scenario(
    name: &'static str,
    kind: fn() -> MemoryBackend,
    policy: OnOtherBackend,
    before: fn(&mut Client<'_>),
    away: fn(&MemoryBackend),
    run: fn(&mut Client<'_>),
) -> Scenario {
    Scenario { name, kind, policy, before, away, run, disk: Disk::Databases }
}

const fn files(name: &'static str, before: fn(&mut Client<'_>), run: fn(&mut Client<'_>)) -> Scenario {
    Scenario { disk: Disk::Files, ..scenario(name, KEEPS, REJOIN, before, nothing, run) }
}

fn in_sync(client: &mut Client<'_>) {
    client.open(true);
    client.commit(1);
    client.commit(2);
    client.settle();
    client.close(Ending::Drop);
}

/// In sync, and then with groups that the backend has not seen.
fn pending(client: &mut Client<'_>) {
    in_sync(client);
    client.backend.set_online(false);
    client.open(true);
    client.run += 10;
    [1, 1, 3, 1].into_iter().for_each(|events| client.commit(events));
    client.pump(20);
    client.close(Ending::Drop);
    client.backend.set_online(true);
}

fn alone(client: &mut Client<'_>) {
    client.open(false);
    [1, 2, 1].into_iter().for_each(|events| client.commit(events));
    client.pump(20);
    client.close(Ending::Drop);
}

/// In sync, and then killed with groups in two journals that no leader took.
fn killed(client: &mut Client<'_>) {
    in_sync(client);
    for _ in 0..2 {
        client.open(true);
        client.run += 10;
        [1, 3].into_iter().for_each(|events| client.commit(events));
        client.close(Ending::Kill);
    }
}

fn nothing(_: &MemoryBackend) {}

/// Another client writes.
fn others(backend: &MemoryBackend, events: i64) {
    let first = 1 + backend.events(STORE).iter().filter(|event| event.client_id == "other").count() as i64;
    for seq in first..first + events {
        let args = serde_json::json!({"run": 9, "thread": 1, "seq": seq, "text": text(9, seq)});
        backend.append(STORE, "other", "v1.Stepped", Some(&args.to_string()));
    }
}

fn rejects(backend: &MemoryBackend) {
    backend.on_push(|event| {
        let is_rejected = event.args.as_ref().is_some_and(|args| args.contains(&text(11, REJECTED)));
        if is_rejected { Err("not this one".into()) } else { Ok(()) }
    });
}

fn another(backend: &MemoryBackend) {
    backend.replace();
    others(backend, 2);
}

fn settled(client: &mut Client<'_>) {
    client.open(true);
    client.settle();
}

fn commits(client: &mut Client<'_>) {
    client.open(true);
    client.commit(2);
    client.pump(3);
    client.commit(1);
    client.settle();
}

/// Enough for several segments.
fn many_commits(client: &mut Client<'_>) {
    client.open(true);
    for _ in 0..8 {
        [1, 3, 1, 2].into_iter().for_each(|events| client.commit(events));
        client.pump(12);
    }
    client.settle();
}

fn while_others_write(client: &mut Client<'_>) {
    client.open(true);
    client.commit(2);
    client.pump(3);
    others(client.backend, 2);
    client.commit(1);
    client.settle();
}

fn text(run: i64, seq: i64) -> String {
    format!("<{run}.{seq}>{}", "x".repeat(300))
}

/// How a store ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Drop,
    Kill,
    /// The moment that an error is told.
    KillAtError,
}

/// A client with a store that it pumps, and what it was told.
struct Client<'a> {
    at: &'a Path,
    backend: &'a MemoryBackend,
    policy: OnOtherBackend,
    ending: Ending,
    /// Trying again does not help.
    lasts: bool,
    stores: Vec<Store<App>>,
    now: Duration,
    run: i64,
    groups: Vec<Group>,
    /// What is no right answer to a failing disk.
    complaints: Vec<String>,
    /// Errors that were told, typed as they should be.
    told: u64,
}

impl<'a> Client<'a> {
    fn new(at: &'a Path, backend: &'a MemoryBackend, policy: OnOtherBackend) -> Self {
        let (ending, lasts) = (Ending::Drop, false);
        let (groups, complaints) = (Vec::new(), Vec::new());
        Self {
            at,
            backend,
            policy,
            ending,
            lasts,
            stores: Vec::new(),
            now: Duration::ZERO,
            run: 1,
            groups,
            complaints,
            told: 0,
        }
    }

    fn meet(&mut self, error: &StorageError) {
        self.told += 1;
        if !matches!(error.kind, StorageKind::Io | StorageKind::Full | StorageKind::NotWritable) {
            self.complaints.push(format!("the wrong kind: {error:?}"));
        }
        if self.ending == Ending::KillAtError {
            self.close(Ending::Kill);
        }
    }

    /// Opens two sessions; once more where the first try fails, for a fault may be over.
    fn open(&mut self, is_synced: bool) {
        for _ in 0..4 {
            if self.stores.len() == 2 {
                return;
            }
            let builder = Store::<App>::builder(native(self.at), STORE).pumped();
            let builder = if is_synced { builder.sync(self.backend.clone()) } else { builder };
            match builder.on_other_backend(self.policy).open() {
                Ok(store) => self.stores.push(store),
                Err(OpenError::Storage(error)) => self.meet(&error),
                Err(error) => self.complaints.push(format!("the wrong error at open: {error}")),
            }
        }
    }

    /// Commits a group, in one session and the other in turn.
    fn commit(&mut self, events: i64) {
        let first = 1 + self
            .groups
            .iter()
            .filter(|group| group.run == self.run)
            .map(|group| *group.seqs.end())
            .max()
            .unwrap_or(0);
        let seqs = first..=first + events - 1;
        let session = self.groups.len() % self.stores.len().max(1);
        let Some(store) = self.stores.get(session) else { return };
        let seen = || store.query(&Step::query().count()).expect("state reads");
        let before = seen();
        let step = |seq| Stepped { run: self.run, thread: 1, seq, text: text(self.run, seq) };
        let committed = store.commit(seqs.clone().map(step).collect::<Vec<_>>());
        self.groups.push(Group { run: self.run, session, seqs, is_acked: committed.is_ok() });
        match committed {
            Ok(_) => {}
            Err(CommitError::Storage(error)) => {
                // Other sessions' groups may have come to be seen.
                if store.query(&Step::query().filter(|t| t.run.eq(self.run).and(t.seq.eq(first))).count()).ok()
                    != Some(0)
                    || seen() < before
                {
                    self.complaints.push("a refused commit changed what is seen".into());
                }
                self.meet(&error);
            }
            Err(error) => self.complaints.push(format!("the wrong error at commit: {error}")),
        }
    }

    /// Runs what is due, so many times; time goes to when the next is.
    fn pump(&mut self, times: usize) {
        for _ in 0..times {
            let due = self.stores.iter().filter_map(|store| store.pump(self.now)).min();
            self.now =
                due.unwrap_or_default().clamp(self.now + Duration::from_millis(1), self.now + Duration::from_secs(60));
            let Some(store) = self.stores.first() else { return };
            if let LeaderState::Retrying { error, .. } = store.status().leader {
                self.meet(&error);
            }
        }
    }

    fn is_settled(&self) -> bool {
        let head = self.backend.head(STORE);
        !self.stores.is_empty()
            && self.stores.iter().all(|store| {
                let (status, leader) = (store.sync_status(), store.status().leader);
                status.is_synced() && status.synced == head && matches!(leader, LeaderState::Running)
            })
    }

    /// Everything is confirmed and shown; unless the disk fails for good, and then that is told.
    fn settle(&mut self) {
        let tries = if self.lasts { 40 } else { 400 };
        let is_settled = (0..tries).any(|_| {
            self.pump(1);
            self.stores.is_empty() || self.is_settled()
        });
        if self.stores.is_empty() {
            return;
        }
        if is_settled {
            self.pump(20); // The log is synced when it was quiet for a while.
            return self.check_seen();
        }
        let store = &self.stores[0];
        if !self.lasts || self.told == 0 {
            let status = store.status();
            self.complaints.push(format!("it does not settle: {:?} {status:?}", store.sync_status()));
        }
    }

    /// The disk works again, and so does everything else.
    fn go_on(&mut self) {
        self.lasts = false;
        self.open(true);
        if self.stores.len() < 2 {
            self.complaints.push("it does not open when the disk works again".into());
        }
        let count = self.groups.len();
        self.commit(2);
        if !self.groups.get(count).is_some_and(|group| group.is_acked) {
            self.complaints.push("nothing is taken when the disk works again".into());
        }
        self.settle();
    }

    /// Every session sees what the backend holds, in its order.
    fn check_seen(&mut self) {
        let expected = self.backend.events(STORE).len() as i64;
        for store in &self.stores {
            match store.query(&Step::query().count()) {
                Ok(seen) if seen == expected => {}
                other => self.complaints.push(format!("a session sees {other:?} steps of {expected}")),
            }
        }
    }

    fn close(&mut self, ending: Ending) {
        if ending == Ending::Drop {
            self.stores.clear();
        } else {
            // All sessions at once, as the end of a process does.
            let mut stores = self.stores.drain(..);
            if let Some(store) = stores.next() {
                abandon(store);
            }
        }
    }
}

/// A client and its backend as they are before each run.
pub(crate) struct Before {
    scratch: Scratch,
    log: Vec<SyncEvent>,
    groups: Vec<Group>,
}

fn backend(scenario: &Scenario, log: Vec<SyncEvent>) -> MemoryBackend {
    let backend = (scenario.kind)().with_id("home");
    backend.replace_with_log(STORE, log).expect("it is a log");
    backend
}

impl Scenario {
    pub(crate) fn prepare(&self) -> Before {
        let scratch = Scratch::new("faults");
        let backend = backend(self, Vec::new());
        seed_ids(Some(1));
        let mut client = Client::new(scratch.path(), &backend, self.policy);
        (self.before)(&mut client);
        assert!(client.complaints.is_empty() && client.told == 0, "{}: {:?}", self.name, client.complaints);
        let groups = std::mem::take(&mut client.groups);
        drop(client);
        Before { log: backend.events(STORE), scratch, groups }
    }

    pub(crate) fn visit(&self, vfs: &'static FaultVfs, before: &Before, fault: Option<(u64, Fault)>) -> Visit {
        let scratch = before.scratch.copy();
        let backend = backend(self, before.log.clone());
        (self.away)(&backend);
        let at = fault.map_or(0, |(at, _)| at);
        let ending = [Ending::Drop, Ending::Kill, Ending::KillAtError][at as usize % 3];
        vfs.arm(fault);
        seed_ids(Some(2));
        let mut client = Client::new(scratch.path(), &backend, self.policy);
        client.groups.clone_from(&before.groups);
        (client.ending, client.run) = (ending, 50);
        client.lasts = fault.is_some_and(|(_, fault)| fault.lasts());
        let (mut passed, mut hits) = (0, 0);
        let mut live = || {
            (self.run)(&mut client);
            (passed, hits) = vfs.passed();
            if client.lasts && ending == Ending::Drop {
                vfs.arm(None);
                client.go_on();
            }
            client.close(ending);
        };
        tune("SEGMENT_BYTES", 4_000);
        match self.disk {
            Disk::Databases => with_vfs(scratch.path(), vfs.name(), live),
            Disk::Files => with_files(scratch.path(), Arc::new(|op| vfs.file(op)), &mut live),
        }
        let Client { groups, mut complaints, told, .. } = client;
        complaints.extend(after::complaints(&scratch, &backend, &before.log, &groups));
        complaints.extend(self.heal(&scratch, &backend, &before.log, groups));
        Visit { passed, hits, told, complaints }
    }

    /// With a disk that works again, the client and its backend come to the same.
    fn heal(
        &self,
        scratch: &Scratch,
        backend: &MemoryBackend,
        log: &[SyncEvent],
        mut groups: Vec<Group>,
    ) -> Vec<String> {
        let mut client = Client::new(scratch.path(), backend, self.policy);
        client.open(true);
        client.run = 70;
        client.commit(1);
        client.settle();
        groups.append(&mut client.groups);
        for store in std::mem::take(&mut client.stores) {
            if let Err(error) = store.shutdown() {
                client.complaints.push(format!("it does not shut down: {error}"));
            }
        }
        if client.told > 0 {
            client.complaints.push("an error is told when the disk works again".into());
        }
        client.complaints.extend(after::complaints(scratch, backend, log, &groups));
        if client.complaints.is_empty() {
            let expected = |group: &Group| self.expected(group);
            client.complaints.extend(after::end_complaints(scratch, backend, &groups, expected));
        }
        client.complaints
    }

    fn expected(&self, group: &Group) -> Expected {
        match self.name {
            "reject" if group.run == 11 && group.seqs.contains(&REJECTED) => Expected::LeftOut,
            // What was there before the backend was another one does not go to it.
            "keep aside" if group.run < 50 => Expected::LeftOut,
            "keep aside" if group.run == 50 && group.is_acked => Expected::Either,
            _ if group.is_acked => Expected::There,
            _ => Expected::LeftOut,
        }
    }
}
