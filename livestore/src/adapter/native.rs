mod directory;

use super::sealed::Connect;
use super::{Adapter, Boot, Connected, Seats, Start, greet_unknown_events, random};
use crate::crash::{crash_point, tunable};
use crate::error::OpenError;
use crate::eventlog::Eventlog;
use crate::ids::{JournalNonce, SessionId};
use crate::journal::{self, Identity, Journal};
use crate::leader::{Leader, LeaderHandle, OpenProgress, Storage};
use crate::session::CommitLog;
use directory::{Directory, LeaderLock};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Keeps stores in a directory, one folder each: the adapter of desktop, terminal and server applications.
///
/// The directory is created where it is missing. One process at a time has a store open; within it, every
/// [`Store::open`](crate::Store::open) is another session, and clones of a store share one.
#[must_use]
pub fn native(directory: impl Into<PathBuf>) -> NativeAdapter {
    NativeAdapter { directory: directory.into() }
}

/// The adapter made by [`native()`].
#[derive(Clone, Debug)]
pub struct NativeAdapter {
    directory: PathBuf,
}

/// How long a store that was just closed in this process may take to let go of its files.
const CLOSING_MAX: Duration = Duration::from_secs(10);

/// The stores that are open in this process, by folder. A lock of the operating system tells processes apart, not handles
/// within one, and only this map lets a second handle join the first one's leader.
fn seats() -> &'static Seats<PathBuf> {
    static SEATS: OnceLock<Seats<PathBuf>> = OnceLock::new();
    SEATS.get_or_init(Seats::default)
}

impl Adapter for NativeAdapter {}

impl Connect for NativeAdapter {
    fn connect(&self, mut boot: Boot<'_>) -> Result<Connected, OpenError> {
        let directory = Directory::open(&self.directory)?;
        let folder = directory.store_folder(boot.store_id)?;
        let seat = seats().seat(folder.clone());
        let leader = seat.join(&mut boot, |boot, start| lead(boot, &folder, start))?;
        let identity = Identity {
            nonce: JournalNonce::mint(&random),
            client_id: directory.client_id().clone(),
            session_id: SessionId::mint(&random),
        };
        let (client_id, session_id) = (identity.client_id.clone(), identity.session_id.clone());
        let commit_log = CommitLog::Journal(Box::new(Journal::create(&folder, identity)?));
        Ok(Connected { leader, commit_log, client_id, session_id })
    }
}

fn lead(boot: &mut Boot<'_>, folder: &Path, start: Start) -> Result<LeaderHandle, OpenError> {
    let patience = if start.is_leaving { CLOSING_MAX } else { Duration::ZERO };
    let lock = lock(boot, folder, patience)?;
    let storage = Storage::Folder(folder.to_owned());
    let mut recover =
        |log: &mut Eventlog, progress: &mut dyn FnMut(OpenProgress)| take_dead_journals(log, folder, progress);
    let leader = Leader::open(&storage, boot.materializers, &mut recover, boot.progress)?;
    greet_unknown_events(leader.log(), boot)?;
    LeaderHandle::start(leader, boot.options, Box::new((lock, start.presence)))
}

fn lock(boot: &Boot<'_>, folder: &Path, patience: Duration) -> Result<LeaderLock, OpenError> {
    let deadline = Instant::now() + patience;
    loop {
        match LeaderLock::try_acquire(folder)? {
            Some(lock) => return Ok(lock),
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            None => {
                return Err(OpenError::InUse { store_id: boot.store_id.to_string(), path: folder.to_owned() });
            }
        }
    }
}

/// Takes what sessions that ended had committed and no leader took; gives back the files that are damaged and kept.
fn take_dead_journals(
    log: &mut Eventlog,
    folder: &Path,
    progress: &mut dyn FnMut(OpenProgress),
) -> Result<Vec<PathBuf>, OpenError> {
    let journals = journal::scan(folder)?;
    let mut events = 0;
    for journal in &journals {
        let taken = log.taken(journal.identity.nonce)?;
        let rest = journal.groups.iter().filter(|group| taken.is_none_or(|taken| group.ordinal > taken));
        let rest: Vec<_> = rest.cloned().map(Arc::new).collect();
        for batch in rest.chunks(tunable("RECOVERY_GROUPS", 1_000) as usize) {
            log.append(batch)?;
            crash_point!("recovery.after-batch");
            events += batch.iter().map(|group| group.events.len() as u64).sum::<u64>();
            progress(OpenProgress::Recovering { events });
        }
    }
    if !journals.is_empty() {
        log.sync()?;
        crash_point!("recovery.before-remove");
        journals.into_iter().for_each(journal::DeadJournal::remove);
    }
    journal::remove_unborn(folder)?;
    crash_point!("recovery.before-forget");
    // A file that is kept aside may be put back by hand: what was taken of it must then still be known.
    let nonces = journal::nonces(folder)?;
    log.forget_journals(|nonce| !nonces.contains(&nonce.to_string()))?;
    Ok(journal::kept_aside(folder)?)
}
