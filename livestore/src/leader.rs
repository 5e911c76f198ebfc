//! The leader: the one owner of a client's eventlog and persisted state.
//!
//! [`Leader`] does the steps, a [`Worker`] runs them on a thread of their own, the [`Desk`](desk::Desk) is where sessions meet it.

mod attached;
mod desk;
mod handle;
mod mutants;
mod news;
mod port;
mod pumped;
mod seal;
mod state;
mod status;
mod step;
#[cfg(test)]
mod tests;
mod uplink;
mod upstream;
mod worker;

pub(crate) use attached::Attached;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use desk::{Desk, Reply, Work, foreign_submission};
pub(crate) use desk::{Export, LeaderOptions, Request};
pub(crate) use handle::LeaderHandle;
pub(crate) use news::{Accepted, Dropped, News, Published, Restart};
pub(crate) use port::{Over, Port, ReceiptSlot, SlotState, Submission};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use state::{QUARANTINED_MAX, StateReader};
pub(crate) use state::{StatePosition, Verdict};
pub(crate) use status::LeaderStatus;
pub use status::{LeaderState, Quarantined};
pub(crate) use uplink::SyncSetup;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use worker::TakeJournals;
pub(crate) use worker::Worker;

use crate::crash::crash_point;
use crate::error::{LOG_FILE, OpenError, StorageError};
use crate::event::CommitGroup;
use crate::eventlog::{Backend, Eventlog, LogHead, PendingGroup};
use crate::materialize::Materializers;
use crate::mutant::{self, Mutant};
use crate::schema::fingerprint;
use crate::sqlite::{Db, Place};
use crate::sync::Order;
use state::State;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use upstream::ReadAhead;

/// Events applied in one transaction while a state catches up or is rebuilt.
fn catch_up_events() -> usize {
    crate::crash::tunable("CATCH_UP_EVENTS", 10_000) as usize
}

/// Where the leader keeps its two databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Memory,
    Folder(PathBuf),
}

/// How far opening has come; handed to the application, which may show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenProgress {
    /// Events that a crashed process had committed are taken into the eventlog.
    Recovering {
        /// How many were taken so far.
        events: u64,
    },
    /// State is rebuilt from the eventlog.
    Rebuilding {
        /// Events applied so far.
        done: u64,
        /// Events in the eventlog.
        total: u64,
    },
    /// The store is ready.
    Ready,
}

/// Where opening reports to.
pub(crate) type OnProgress<'a> = &'a mut dyn FnMut(OpenProgress);

/// Takes what ended sessions left into the log, and gives back the files that are damaged and kept.
pub(crate) type Recover<'a> = &'a mut dyn FnMut(&mut Eventlog, OnProgress<'_>) -> Result<Vec<PathBuf>, OpenError>;

/// The eventlog and the state derived from it, in step.
#[derive(Debug)]
pub(crate) struct Leader {
    log: Eventlog,
    state: State,
    storage: Storage,
    materializers: Materializers,
    fingerprint: String,
    /// Who confirms, where anybody but this log does.
    backend: Option<Backend>,
    /// What is pending, without payloads. Empty without a backend.
    order: Order<PendingGroup>,
    /// The pending part changed, and could not be read.
    is_order_stale: bool,
    pending_synced: usize,
    /// Its first payloads, where they were read already.
    front: ReadAhead,
    /// A copy of the log, made to begin again, which then failed.
    spare_copy: Option<PathBuf>,
    /// Journals that are damaged, and logs that another backend took the place of.
    kept_aside: Vec<PathBuf>,
}

/// A group that is now on the log and judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) group: Arc<CommitGroup>,
    /// The head of the log after the group.
    pub(crate) head: LogHead,
    pub(crate) verdict: Verdict,
}

impl Leader {
    /// Opens or creates both databases; `recover` hands over what crashed sessions left, before state is looked at.
    pub(crate) fn open(
        storage: &Storage,
        materializers: Materializers,
        recover: Recover<'_>,
        progress: OnProgress<'_>,
    ) -> Result<Self, OpenError> {
        let mut log = Eventlog::open(storage.log())?;
        check_nothing_is_gone(storage, &log)?;
        log.claim()?;
        let kept_aside = recover(&mut log, progress)?;
        let state = open_state(storage, &log, materializers, progress)?;
        let backend = log.backend()?;
        let fingerprint = fingerprint(materializers.schema).to_string();
        let (storage, order) = (storage.clone(), Order::new(0));
        let (is_order_stale, pending_synced) = (true, 0);
        let mut leader = Self {
            log,
            state,
            storage,
            materializers,
            fingerprint,
            backend,
            order,
            is_order_stale,
            pending_synced,
            front: ReadAhead::new(),
            spare_copy: None,
            kept_aside,
        };
        leader.kept_aside.extend(leader.storage.kept_logs());
        leader.reload_order()?;
        Ok(leader)
    }

    pub(crate) fn log(&self) -> &Eventlog {
        &self.log
    }

    pub(crate) fn kept_aside(&self) -> &[PathBuf] {
        &self.kept_aside
    }

    /// Looks for what was kept aside; whether that is another list than before.
    fn find_kept_aside(&mut self) -> bool {
        let Ok(mut kept) = self.storage.kept_aside() else { return false };
        // Of a try that failed: the log holds all of it, and the next try removes it.
        kept.retain(|path| Some(path) != self.spare_copy.as_ref());
        kept != std::mem::replace(&mut self.kept_aside, kept.clone())
    }

    pub(crate) fn quarantined(&self) -> Result<Vec<Quarantined>, StorageError> {
        self.state.quarantined()
    }

    /// Takes the groups: log first, then state. After an error nothing of them was published, and
    /// [`catch_up_page`](Self::catch_up_page) continues where the step stopped.
    pub(crate) fn ingest(&mut self, groups: &[Arc<CommitGroup>]) -> Result<Vec<Judged>, StorageError> {
        debug_assert!(self.is_in_step(), "state lags the log; catch up first");
        crash_point!("leader.before-ingest");
        if mutant::is(Mutant::StateBeforeLog) {
            return self.ingest_state_first(groups);
        }
        self.log.append(groups)?;
        self.order = Order::new(self.log.head().place);
        crash_point!("leader.between-log-and-state");
        let judged = self.apply(groups);
        crash_point!("leader.after-ingest");
        judged
    }

    /// Whether state holds all of the log, and what is pending is known.
    pub(crate) fn is_in_step(&self) -> bool {
        !self.is_order_stale && self.state.position().place == self.log.head().place
    }

    /// Applies the next page of what the log holds past the state.
    pub(crate) fn catch_up_page(&mut self) -> Result<Vec<Judged>, StorageError> {
        self.refresh_order()?;
        let groups = self.log.groups_after(self.state.position().place, catch_up_events())?;
        let groups: Vec<_> = groups.into_iter().map(Arc::new).collect();
        self.apply(&groups)
    }

    fn apply(&mut self, groups: &[Arc<CommitGroup>]) -> Result<Vec<Judged>, StorageError> {
        self.state.apply(groups).inspect_err(|error| {
            if error.is_damage()
                && let Err(error) = self.log.forget_state_file()
            {
                tracing::warn!(%error, "the damaged state could not be struck from the eventlog");
            }
        })
    }

    /// Groups after `after` as they were judged, at least one where there is one. State must be in step.
    pub(crate) fn judged_after(&self, after: u64) -> Result<Vec<Judged>, StorageError> {
        judged_after(&self.log, self.state.db(), after)
    }

    /// To take what journals that nobody holds any more had left; state follows with [`catch_up_page`](Self::catch_up_page).
    pub(crate) fn log_mut(&mut self) -> &mut Eventlog {
        &mut self.log
    }

    /// Part of the pending part behind `seq`, in order.
    pub(crate) fn pending_after(&self, seq: u64) -> Result<Vec<Accepted>, StorageError> {
        let groups = self.log.pending_after(seq, catch_up_events())?;
        Ok(groups.into_iter().map(|(group, seq)| Accepted { group, seq }).collect())
    }

    /// What was rejected when the log was at `place` or longer.
    pub(crate) fn dropped_since(&self, place: u64) -> Result<Vec<Dropped>, StorageError> {
        dropped_since(&self.log, place)
    }

    /// A copy of the state for a new session, and its position.
    pub(crate) fn copy_state(&self) -> Result<(Db, StatePosition), StorageError> {
        Ok((self.state.db().copy_to_memory()?, self.state.position()))
    }

    /// Makes the log survive a power loss, and lets state remember it.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.log.sync()?;
        self.state.note_synced(self.log.head().place)
    }

    /// Before the databases are closed. What fails here costs the next start a look at the whole state, no more.
    pub(crate) fn seal(&self) {
        if let Some(path) = self.state.path()
            && self.state.write_back().is_ok()
            && let Some(seal) = seal::of(path)
        {
            let _ = self.log.set_state_seal(&seal);
        }
    }

    pub(crate) fn export_log(&self, target: &Path) -> Result<(), StorageError> {
        self.log.export(target)
    }

    pub(crate) fn export_state(&self, target: &Path) -> Result<(), StorageError> {
        self.state.export(target)
    }
}

impl Storage {
    pub(crate) fn log(&self) -> Place {
        match self {
            Self::Memory => Place::Memory,
            Self::Folder(folder) => Place::File(folder.join(LOG_FILE)),
        }
    }

    pub(crate) fn state(&self, name: &str) -> Place {
        match self {
            Self::Memory => Place::Memory,
            Self::Folder(folder) => Place::File(folder.join(name)),
        }
    }

    /// Where a copy of the log goes that is kept aside; `None` in memory.
    fn kept_log(&self) -> Option<PathBuf> {
        let Self::Folder(folder) = self else { return None };
        (1..).map(|nth| folder.join(format!("eventlog-kept-{nth}.db"))).find(|path| !path.exists())
    }

    /// Journals that are damaged, and logs that another backend took the place of.
    pub(crate) fn kept_aside(&self) -> Result<Vec<PathBuf>, StorageError> {
        let Self::Folder(folder) = self else { return Ok(Vec::new()) };
        let mut kept = crate::journal::kept_aside(folder)?;
        kept.extend(self.kept_logs());
        Ok(kept)
    }

    /// The copies that are there.
    fn kept_logs(&self) -> Vec<PathBuf> {
        let Self::Folder(folder) = self else { return Vec::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        // There may be gaps: a try that was made again leaves the later copy.
        let nth = |path: &PathBuf| -> Option<u64> {
            path.file_name()?.to_str()?.strip_prefix("eventlog-kept-")?.strip_suffix(".db")?.parse().ok()
        };
        let mut kept: Vec<_> = entries.filter_map(|entry| nth(&entry.path()).map(|nth| (nth, entry.path()))).collect();
        kept.sort();
        kept.into_iter().map(|(_, path)| path).collect()
    }

    /// The names of the state files that are there.
    fn state_files(&self) -> Vec<String> {
        let Self::Folder(folder) = self else { return Vec::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with("state-") && name.ends_with(".db"))
            .collect()
    }

    fn remove_state(&self, name: &str) {
        let Self::Folder(folder) = self else { return };
        // The database last: what is left of it after a crash is found by its name.
        for suffix in ["-wal", "-shm", "-journal", ""] {
            // A file that stays behind costs space only; the next start tries again.
            let _ = std::fs::remove_file(folder.join(format!("{name}{suffix}")));
        }
    }
}

/// State knows how long the log was when it was last made durable: a shorter one lost its end, or is missing. Refused before
/// anything is written, because rebuilt state would hide what is gone. A log that lost what was never durable passes: that
/// is what a power loss may do.
fn check_nothing_is_gone(storage: &Storage, log: &Eventlog) -> Result<(), OpenError> {
    let current = log.state_file()?;
    let is_new = current.is_none();
    // One that the log no longer names may be of a log that began again since.
    let is_current = |name: &String| current.as_ref().is_none_or(|current| current == name);
    let known =
        storage.state_files().into_iter().filter(is_current).filter_map(|name| State::peek(storage.state(&name)));
    let expected = known.map(|known| if is_new { known.position.place } else { known.log_synced }).max();
    let (head, expected) = (log.head().place, expected.unwrap_or(0));
    if head >= expected {
        return Ok(());
    }
    let message = format!(
        "it ends with event {head} and had {expected}; to go on with what is left, remove the `state-*` files beside it"
    );
    Err(OpenError::DamagedLog { path: storage.log().path().map(Path::to_owned).unwrap_or_default(), message })
}

/// Opens the state that the log names, where it is of this schema and on this log; else rebuilds aside and swaps.
fn open_state(
    storage: &Storage,
    log: &Eventlog,
    materializers: Materializers,
    progress: OnProgress<'_>,
) -> Result<State, OpenError> {
    let fingerprint = fingerprint(materializers.schema).to_string();
    let current = log.state_file()?;
    // Leftovers of a rebuild that did not finish; no connection to them is open.
    storage
        .state_files()
        .iter()
        .filter(|name| Some(*name) != current.as_ref())
        .for_each(|name| storage.remove_state(name));
    if let Some(name) = current.as_ref().filter(|_| matches!(storage, Storage::Folder(_))) {
        let opened = State::open(storage.state(name), materializers, &fingerprint, log);
        if let Some(mut state) = opened? {
            match replay(&mut state, log, &mut |_| {}) {
                Ok(()) => return Ok(state),
                Err(error) if error.is_of(state.path()) && error.is_damage() => {
                    tracing::warn!(%error, "the state file is damaged and is rebuilt from the eventlog");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    // No other leader has this epoch, so none ever makes a file of this name.
    let name = format!("state-{fingerprint}-{}.db", log.epoch());
    crash_point!("rebuild.before");
    let mut state = State::create(storage.state(&name), materializers, &fingerprint, log.epoch())?;
    let total = log.head().place;
    if total > 0 {
        progress(OpenProgress::Rebuilding { done: 0, total });
    }
    let replayed = replay(&mut state, log, &mut |done| {
        crash_point!("rebuild.during");
        progress(OpenProgress::Rebuilding { done, total });
    });
    replayed?;
    state.complete()?;
    crash_point!("rebuild.before-swap");
    log.set_state_file(&name)?;
    state.note_synced(total)?;
    crash_point!("rebuild.after-swap");
    if let Some(old) = current.filter(|old| *old != name) {
        storage.remove_state(&old);
    }
    Ok(state)
}

fn replay(state: &mut State, log: &Eventlog, applied: &mut dyn FnMut(u64)) -> Result<(), StorageError> {
    while state.position().place < log.head().place {
        let groups = log.groups_after(state.position().place, catch_up_events())?;
        let groups: Vec<_> = groups.into_iter().map(Arc::new).collect();
        state.apply(&groups)?;
        applied(state.position().place);
    }
    Ok(())
}

/// A reason as it is kept and shown. It may quote what somebody sent, at any length.
fn bounded(mut reason: String) -> String {
    const BYTES_MAX: usize = 2_000;
    if reason.len() > BYTES_MAX {
        let end = (0..=BYTES_MAX).rev().find(|end| reason.is_char_boundary(*end));
        reason.truncate(end.unwrap_or_default());
        reason.push('…');
    }
    reason
}

/// What the log holds after `after`, with the verdicts that the state keeps.
pub(crate) fn judged_after(log: &Eventlog, state: &Db, after: u64) -> Result<Vec<Judged>, StorageError> {
    log.numbered_groups_after(after, catch_up_events())?
        .into_iter()
        .map(|(group, head)| {
            let verdict = state::verdict_at(state, head.place)?;
            Ok(Judged { group: Arc::new(group), head, verdict })
        })
        .collect()
}

/// What was rejected when the log was at `place` or longer.
pub(crate) fn dropped_since(log: &Eventlog, place: u64) -> Result<Vec<Dropped>, StorageError> {
    let dropped = |rejected: crate::eventlog::RejectedGroup| Dropped {
        id: rejected.group.id(),
        place: rejected.place,
        reason: rejected.reason.into(),
    };
    Ok(log.rejected_since(place)?.into_iter().map(dropped).collect())
}
