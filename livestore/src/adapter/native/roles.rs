//! Who leads: one process of those that have a store open holds the lock; the others follow, and look again when it is gone.

use super::address::Address;
use super::directory::LeaderLock;
use super::follow::{ANSWER_MAX, Ended, Follower, no_answer, show_sync_of_leader};
use super::host::Host;
use super::journals::{forget_journals, take_dead_journals};
use super::link::{Link, NoLink};
use crate::error::{OpenError, StorageError, StorageKind};
use crate::eventlog::Eventlog;
use crate::journal;
use crate::leader::{
    Attached, Desk, Leader, LeaderHandle, LeaderState, OnProgress, OpenProgress, Request, StateReader, Storage,
    TakeJournals, Work, Worker,
};
use crate::materialize::Materializers;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Looks at the log that a store is about to be opened on.
type Greet<'a> = &'a dyn Fn(&Eventlog) -> Result<(), OpenError>;

const LOOK_FIRST: Duration = Duration::from_millis(2);
const LOOK_LAST: Duration = Duration::from_millis(250);

/// What a process needs to lead a store, or to follow whoever does.
pub(super) struct Roles {
    pub(super) desk: Arc<Desk>,
    pub(super) folder: PathBuf,
    pub(super) materializers: Materializers,
    pub(super) fingerprint: String,
    /// Held as long as this process holds anything of the store.
    pub(super) _presence: Arc<()>,
}

/// What this process does for its sessions.
pub(super) enum Role {
    // In the order in which they end: the door, the databases, the lock.
    Lead { host: Option<Host>, worker: Box<Worker>, lock: LeaderLock },
    Follow(Box<Follower>),
}

/// Why there is no role yet.
pub(super) enum NoRole {
    /// The store cannot be opened.
    Never(OpenError),
    /// Another process leads and cannot be reached, or the disk fails: look again.
    NotYet(String),
}

impl From<NoLink> for NoRole {
    fn from(none: NoLink) -> Self {
        match none {
            NoLink::OtherSchema { schema } => {
                Self::NotYet(format!("another process leads with schema `{schema}`, or another version of it"))
            }
            NoLink::Failed(reason) => Self::NotYet(reason),
        }
    }
}

impl Roles {
    /// Finds the first role, before the process has a session. `greet` may refuse what the log holds.
    pub(super) fn find(&self, greet: Greet<'_>, progress: OnProgress<'_>) -> Result<Role, NoRole> {
        let mut nobody = Attached::default();
        if let Some(lock) = LeaderLock::try_acquire(&self.folder).map_err(NoRole::Never)? {
            let (worker, host) = self.lead(&mut nobody, None, greet, progress).map_err(NoRole::Never)?;
            return Ok(Role::Lead { host, worker, lock });
        }
        let follower = self.follow(&mut nobody, None)?;
        greet(follower.log()).map_err(NoRole::Never)?;
        Ok(Role::Follow(follower))
    }

    /// Serves the sessions in one role after the other, until the last of them is gone.
    pub(super) fn start(self, first: Role) -> Result<LeaderHandle, OpenError> {
        let desk = Arc::clone(&self.desk);
        let first = match first {
            Role::Lead { host: None, worker, lock } if desk.is_pumped() => {
                return Ok(LeaderHandle::pumped(&desk, worker, Box::new((lock, self))));
            }
            other => other,
        };
        LeaderHandle::start(&desk, move || {
            let mut role = Some(first);
            while let Some(now) = role.take() {
                role = self.serve(now);
            }
        })
    }

    fn serve(&self, role: Role) -> Option<Role> {
        match role {
            Role::Lead { lock, mut worker, host } => {
                worker.work();
                drop(host);
                drop(worker);
                drop(lock);
                None
            }
            Role::Follow(mut follower) => match follower.work() {
                Ended::Stopped => None,
                Ended::Lost(reason) => {
                    let attached = std::mem::take(&mut follower.attached);
                    let stood = (follower.place, follower.generation);
                    let unanswered = follower.take_syncs();
                    drop(follower);
                    self.look_for_role(attached, stood, unanswered, &reason)
                }
            },
        }
    }

    /// Leads, or finds who does. Commits go on meanwhile: they are safe in the journals.
    fn look_for_role(
        &self,
        mut attached: Attached,
        stood: (u64, u64),
        mut held: Vec<Request>,
        lost: &str,
    ) -> Option<Role> {
        let began = Instant::now();
        let mut wait = LOOK_FIRST;
        let mut is_hurried = false;
        tracing::info!(lost, "this process looks for another leader, or leads");
        loop {
            let reason = match self.try_role(&mut attached, stood) {
                Ok(role) => {
                    self.desk.give_back(VecDeque::new(), held);
                    if is_hurried {
                        self.desk.hurry();
                    }
                    return Some(role);
                }
                Err(reason) => reason,
            };
            if began.elapsed() > LOOK_LAST {
                self.desk.set_state(LeaderState::Unreachable { reason });
            }
            let Work { submissions, requests, wants_sync, is_stopping } = self.desk.work_within(wait);
            is_hurried |= wants_sync;
            attached.waiting.extend(submissions);
            for request in requests {
                match request {
                    Request::Detach { nonce } => attached.remove(nonce, &self.desk),
                    other => held.push(other),
                }
            }
            if is_stopping {
                return None; // The journals hold what no leader took.
            }
            if began.elapsed() > ANSWER_MAX {
                held.drain(..).for_each(refuse);
            }
            wait = (wait * 2).min(LOOK_LAST);
        }
    }

    /// Takes the sessions where there is a role, and leaves them where there is none.
    fn try_role(&self, attached: &mut Attached, stood: (u64, u64)) -> Result<Role, String> {
        match LeaderLock::try_acquire(&self.folder).map_err(|error| error.to_string())? {
            Some(lock) => {
                let led = self.lead(attached, Some(stood), &|_| Ok(()), &mut |_| {});
                let (worker, host) = led.map_err(|error| error.to_string())?;
                Ok(Role::Lead { host, worker, lock })
            }
            None => self.follow(attached, Some(stood)).map(Role::Follow).map_err(|none| match none {
                NoRole::NotYet(reason) => reason,
                NoRole::Never(error) => error.to_string(),
            }),
        }
    }

    /// Called with the lock held.
    fn lead(
        &self,
        attached: &mut Attached,
        stood: Option<(u64, u64)>,
        greet: Greet<'_>,
        progress: OnProgress<'_>,
    ) -> Result<(Box<Worker>, Option<Host>), OpenError> {
        let storage = Storage::Folder(self.folder.clone());
        Address::withdraw(&self.folder); // Whoever led before is gone.
        let mut ended = Vec::new();
        let mut recover = |log: &mut Eventlog, progress: &mut dyn FnMut(OpenProgress)| {
            ended = take_dead_journals(log, &self.folder, progress)?;
            forget_journals(log, &self.folder)?;
            journal::remove_unborn(&self.folder)?;
            // Before state is looked at: a store that is not to be opened is not rebuilt either.
            greet(log)?;
            Ok(journal::kept_aside(&self.folder)?)
        };
        let leader = Leader::open(&storage, self.materializers, &mut recover, progress)?;
        let mut worker = Box::new(Worker::new(&self.desk, leader, Some(self.take_journals()))?);
        worker.have_ended(ended);
        if let Some((place, generation)) = stood {
            worker.attached = std::mem::take(attached);
            if let Err(error) = worker.take_over(place, generation) {
                *attached = std::mem::take(&mut worker.attached);
                return Err(error.into());
            }
        }
        worker.start_sync();
        Ok((worker, self.open_door()))
    }

    fn take_journals(&self) -> TakeJournals {
        let folder = self.folder.clone();
        Box::new(move |log| {
            take_dead_journals(log, &folder, &mut |_| {}).map_err(|error| match error {
                OpenError::Storage(error) => error,
                other => StorageError { kind: StorageKind::Io, path: Some(folder.clone()), message: other.to_string() },
            })
        })
    }

    /// Without a door this process works on alone, and others wait.
    fn open_door(&self) -> Option<Host> {
        if self.desk.is_pumped() {
            return None; // It has no thread that other processes could be served by.
        }
        let schema = (self.materializers.schema.name, self.fingerprint.clone());
        match Host::start(&self.folder, &self.desk, schema) {
            Ok(host) => Some(host),
            Err(error) => {
                tracing::warn!(%error, "other processes cannot follow this one");
                None
            }
        }
    }

    fn follow(&self, attached: &mut Attached, stood: Option<(u64, u64)>) -> Result<Box<Follower>, NoRole> {
        let schema = (self.materializers.schema.name, &*self.fingerprint);
        let (link, welcome) = match Link::connect(&self.folder, &self.desk, schema) {
            Err(NoLink::OtherSchema { schema }) if stood.is_none() => {
                let error = OpenError::OtherSchema {
                    store_id: String::new(),
                    open: schema,
                    requested: self.materializers.schema.name.to_owned(),
                };
                return Err(NoRole::Never(error));
            }
            linked => linked?,
        };
        let storage = Storage::Folder(self.folder.clone());
        let not_yet = |error: &dyn std::fmt::Display| NoRole::NotYet(error.to_string());
        let log = Eventlog::open(storage.log()).map_err(|error| not_yet(&error))?;
        let state = StateReader::open(storage.state(&welcome.state_file), self.materializers)
            .map_err(|error| not_yet(&error))?;
        let follower = Follower::start(&self.desk, link, (log, state, welcome.generation), attached, stood);
        if follower.is_ok() {
            show_sync_of_leader(&self.desk, welcome.sync);
        }
        if let (Ok(_), Ok(kept)) = (&follower, storage.kept_aside()) {
            self.desk.change_status(|status| status.kept_aside = kept);
        }
        follower.map(Box::new).map_err(NoRole::NotYet)
    }
}

/// Answers a request that needs a leader, when none is to be had.
fn refuse(request: Request) {
    fn answer<T>(reply: &crate::leader::Reply<T>) {
        let _ = reply.send(Err::<T, StorageError>(no_answer())); // Who asked may be gone.
    }
    match request {
        Request::Attach { reply, .. } => answer(&reply),
        Request::Read { reply, .. } => answer(&reply),
        Request::Export { reply, .. } | Request::Sync { reply } | Request::StartSync { reply } => answer(&reply),
        Request::Feed { port, .. } => port.close("this process does not lead"),
        Request::Detach { .. } | Request::TakeJournals | Request::HurrySync => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leader::{LeaderOptions, StatePosition, Submission};
    use crate::sqlite::Db;
    use crate::*;

    #[event("v1.Added")]
    struct Added {
        id: i64,
    }

    #[schema(events(Added))]
    struct App;

    #[materializers]
    impl App {
        fn added(_: Added) {}
    }

    fn roles(folder: PathBuf) -> Roles {
        Roles {
            desk: Desk::new(LeaderOptions::default()),
            folder,
            materializers: Materializers::of::<App>(),
            fingerprint: crate::schema::fingerprint(App::DEF).to_string(),
            _presence: Arc::default(),
        }
    }

    /// A leader forgets how far journals were taken that are gone, once there are many: a late copy must not reach it.
    #[test]
    fn who_follows_hands_over_nothing_that_is_pending_already() {
        let directory = std::env::temp_dir().join(format!("livestore-roles-{}-late", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        let backend = MemoryBackend::new();
        let open = || Store::<App>::builder(native(&directory), "late").sync(backend.clone()).open().unwrap();
        let store = open();
        store.commit(Added { id: 1 }).unwrap();
        assert!(store.wait_synced(Duration::from_secs(60)));
        backend.set_online(false);
        store.commit(Added { id: 2 }).unwrap().wait_durable(Duration::from_secs(60)).unwrap();
        store.shutdown().unwrap();

        let folder = directory.canonicalize().unwrap().join("store-late");
        let place = Storage::Folder(folder.clone()).log();
        Db::open(place.clone(), Arc::default()).unwrap().batch("DELETE FROM journals").unwrap();
        let leader = open();
        let log = Eventlog::open(place).unwrap();
        let (group, _) = log.pending_after(0, 10).unwrap().pop().unwrap();
        let mut attached = Attached::default();
        attached.add(group.nonce, Arc::default(), StatePosition { place: 1, ..StatePosition::default() });
        attached.waiting.push_back(Submission { group, slot: Arc::default(), is_foreign: false });
        let stood = Some((1, log.generation().unwrap()));
        let Ok(follower) = roles(folder).follow(&mut attached, stood) else { panic!("it cannot follow") };
        assert_eq!(follower.attached.waiting.len(), 0, "it would be there twice");
        assert_eq!(log.pending_groups().unwrap().len(), 1);
        drop(follower);
        leader.shutdown().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn who_follows_knows_before_the_first_message_what_the_files_say() {
        let directory = std::env::temp_dir().join(format!("livestore-roles-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        let leader = Store::<App>::open(native(&directory), "followed").unwrap();
        let folder = directory.canonicalize().unwrap().join("store-followed");
        let damaged = folder.join("journal-x-000000.damaged");
        std::fs::write(&damaged, "not a journal").unwrap();
        let roles = roles(folder);
        let Ok(Role::Follow(follower)) = roles.find(&|_| Ok(()), &mut |_| {}) else { panic!("another leads") };
        assert!(follower.attached.is_provisional, "no backend confirms");
        assert_eq!(roles.desk.status().kept_aside, [damaged]);
        drop((follower, roles));
        leader.shutdown().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
