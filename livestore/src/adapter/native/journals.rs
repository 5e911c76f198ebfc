use crate::crash::{crash_point, tunable};
use crate::error::OpenError;
use crate::eventlog::Eventlog;
use crate::ids::JournalNonce;
use crate::journal;
use crate::leader::OpenProgress;
use crate::mutant::{self, Mutant};
use std::path::Path;
use std::sync::Arc;

/// Takes into the log what sessions that ended had committed and no leader took. Gives back whose journals these were.
pub(super) fn take_dead_journals(
    log: &mut Eventlog,
    folder: &Path,
    progress: &mut dyn FnMut(OpenProgress),
) -> Result<Vec<JournalNonce>, OpenError> {
    let journals = journal::scan(folder)?;
    let ended = journals.iter().map(|journal| journal.identity.nonce).collect();
    let mut events = 0;
    for journal in &journals {
        let taken = log.taken(journal.identity.nonce)?.filter(|_| !mutant::is(Mutant::JournalTakenTwice));
        if mutant::is(Mutant::PendingLostAtRestart) {
            continue;
        }
        let rest = journal.groups.iter().filter(|group| taken.is_none_or(|taken| group.ordinal > taken));
        let rest: Vec<_> = rest.cloned().map(Arc::new).collect();
        for batch in rest.chunks(tunable("RECOVERY_GROUPS", 1_000) as usize) {
            log.take(batch)?;
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
    Ok(ended)
}

/// Journals that the log remembers although their files are gone.
const FORGOTTEN_KEPT: usize = 1_000;

/// Forgets how far journals were taken whose files are gone, once there are many of them. Not at once, and only when a leader
/// begins: a late copy of their groups may still be on its way from a process that looks for its leader.
pub(super) fn forget_journals(log: &Eventlog, folder: &Path) -> Result<(), OpenError> {
    crash_point!("recovery.before-forget");
    // A file that is kept aside may be put back by hand: what was taken of it must then still be known.
    let nonces = journal::nonces(folder)?;
    log.forget_journals(FORGOTTEN_KEPT, |nonce| !nonces.contains(&nonce.to_string()))?;
    Ok(())
}
