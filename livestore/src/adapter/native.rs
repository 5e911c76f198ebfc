mod address;
mod directory;
mod follow;
mod frame;
mod host;
mod journals;
mod link;
mod roles;

use super::{Adapter, Boot, Connected, Seats, Start, greet_unknown_events, random};
use crate::error::OpenError;
use crate::eventlog::Eventlog;
use crate::ids::{ClientId, JournalNonce, SessionId};
use crate::journal::{Identity, Journal};
use crate::leader::{Desk, LeaderHandle};
use crate::session::CommitLog;
use directory::Directory;
use roles::{NoRole, Roles};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Keeps stores in a directory, one folder each: the adapter of desktop, terminal and server applications.
///
/// The directory is created where it is missing. Every [`Store::open`](crate::Store::open) is another session, in this process
/// or another; clones of a store share one. One process leads and the others follow it live; when it ends, however it ends,
/// another takes over, and nothing that was committed is lost.
#[must_use]
pub fn native(directory: impl Into<PathBuf>) -> NativeAdapter {
    NativeAdapter { directory: directory.into() }
}

/// The adapter made by [`native()`].
#[derive(Clone, Debug)]
pub struct NativeAdapter {
    directory: PathBuf,
}

/// How long another process that leads the store may take to answer, or one that just ended to let go of its files.
const JOIN_MAX: Duration = Duration::from_secs(10);

/// The stores that are open in this process, by folder. A lock of the operating system tells processes apart, not handles
/// within one, and only this map lets a second handle join the first one's leader.
fn seats() -> &'static Seats<PathBuf> {
    static SEATS: OnceLock<Seats<PathBuf>> = OnceLock::new();
    SEATS.get_or_init(Seats::default)
}

impl Adapter for NativeAdapter {
    fn connect(&self, mut boot: Boot<'_>) -> Result<Connected, OpenError> {
        let directory = Directory::open(&self.directory)?;
        let folder = directory.store_folder(boot.store_id)?;
        let seat = seats().seat(folder.clone());
        seat.leave_stopped();
        let client_id = directory.client_id();
        let leader = seat.join(&mut boot, client_id, |boot, start| join(boot, &folder, client_id, start))?;
        let identity = Identity {
            nonce: JournalNonce::mint(&random),
            client_id: directory.client_id().clone(),
            session_id: SessionId::mint(&random),
        };
        let (client_id, session_id) = (identity.client_id.clone(), identity.session_id.clone());
        let commit_log = CommitLog::Journal(Box::new(Journal::create(&folder, identity)?));
        Ok(Connected { leader, commit_log, client_id, session_id, keep: Vec::new() })
    }
}

/// Finds a role for this process, and serves its sessions in it.
fn join(boot: &mut Boot<'_>, folder: &Path, client_id: &ClientId, start: Start) -> Result<LeaderHandle, OpenError> {
    let desk = Desk::new(boot.options);
    desk.set_sync(boot.sync.clone().map(|sync| sync.setup(boot.store_id, client_id)));
    let roles = Roles {
        desk,
        folder: folder.to_owned(),
        materializers: boot.materializers,
        fingerprint: crate::schema::fingerprint(boot.materializers.schema).to_string(),
        _presence: start.presence,
    };
    let (materializers, unknown) = (boot.materializers, boot.unknown);
    let greet = |log: &Eventlog| greet_unknown_events(log, materializers, unknown);
    let deadline = Instant::now() + JOIN_MAX;
    let role = loop {
        match roles.find(&greet, boot.progress) {
            Ok(role) => break role,
            Err(NoRole::NotYet(_)) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Err(NoRole::NotYet(reason)) => {
                return Err(OpenError::InUse { store_id: boot.store_id.to_string(), path: folder.to_owned(), reason });
            }
            Err(NoRole::Never(error)) => return Err(named(error, boot)),
        }
    };
    roles.start(role)
}

/// Another process knows the store by its folder only.
fn named(error: OpenError, boot: &Boot<'_>) -> OpenError {
    match error {
        OpenError::OtherSchema { open, requested, .. } => {
            OpenError::OtherSchema { store_id: boot.store_id.to_string(), open, requested }
        }
        error => error,
    }
}
