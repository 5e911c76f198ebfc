//! What people are told about events that are not at the backend.

use crate::text::one_line;
use livestore::{SyncState, SyncStatus};
use std::io::Write;

/// Another process leads the list, and has no backend.
pub const LEADER_DOES_NOT_SYNC: &str = "the process that has the list open does not sync";

/// Prints one line where something is not synced. Without a network everything works: no failure, but who gave a wrong token should
/// hear of it.
pub fn say_what_is_not_synced(sync: &SyncStatus) {
    if let Some(text) = not_synced(sync) {
        // If standard error is gone there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "todo: not synced: {text}");
    }
}

/// How many events of this client the backend does not have.
pub const fn waiting(sync: &SyncStatus) -> usize {
    sync.pending + sync.session_pending
}

/// Whether the backend will soon have what it does not have now.
pub fn is_on_its_way(sync: &SyncStatus) -> bool {
    waiting(sync) > 0 && sync.state == SyncState::Live && sync.last_error.is_none()
}

/// Why something is not synced, and how much of what was done here that is; `None` where nothing is known to be wrong.
fn not_synced(sync: &SyncStatus) -> Option<String> {
    let waiting = waiting(sync);
    let why = match (&sync.state, &sync.last_error) {
        (SyncState::Stopped { reason }, _) => reason.clone(),
        (SyncState::OffAtLeader, _) => {
            format!("{LEADER_DOES_NOT_SYNC}; once it ends, the next one that does hands over what was done here")
        }
        (_, Some(error)) => error.to_string(),
        _ if waiting > 0 => "the backend has not answered yet".to_owned(),
        _ => return None,
    };
    let waits = match waiting {
        0 => String::new(),
        1 => " (1 event waits)".to_owned(),
        count => format!(" ({count} events wait)"),
    };
    Some(format!("{}{waits}", one_line(&why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use livestore::SyncError;

    fn told(change: impl FnOnce(&mut SyncStatus)) -> Option<String> {
        let mut sync = SyncStatus::default();
        sync.state = SyncState::Live;
        change(&mut sync);
        not_synced(&sync)
    }

    #[track_caller]
    fn check(expected: &str, change: impl FnOnce(&mut SyncStatus)) {
        assert_eq!(told(change).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_not_synced_is_told_with_how_much_that_is() {
        assert_eq!(told(|_| {}), None);
        let offline = || Some(SyncError::Offline { reason: "nobody\nanswers".into() });
        check("offline: nobody⏎answers", |sync| sync.last_error = offline());
        check("offline: nobody⏎answers (3 events wait)", |sync| {
            (sync.last_error, sync.pending, sync.session_pending) = (offline(), 2, 1);
        });
        check("the backend has not answered yet (1 event waits)", |sync| sync.session_pending = 1);
        check("another backend (1 event waits)", |sync| {
            (sync.state, sync.pending) = (SyncState::Stopped { reason: "another backend".into() }, 1);
        });
    }

    #[test]
    fn a_leader_that_does_not_sync_is_named() {
        let told = told(|sync| sync.state = SyncState::OffAtLeader).unwrap();
        assert!(told.starts_with("the process that has the list open does not sync; "), "{told}");
    }
}
