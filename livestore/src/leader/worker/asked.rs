//! What sessions ask of sync.

use super::{Sync, Worker};

impl Worker {
    /// From here on the log is synced with a backend, where some session brought a way to one.
    pub(crate) fn start_sync(&mut self) {
        self.sync = self.desk.sync_setup().map(|setup| Sync::new(setup, &self.desk));
        self.show_sync();
    }

    /// The same for a session that came later than the leader.
    pub(super) fn start_sync_late(&mut self) {
        if self.sync.is_none() {
            self.start_sync();
            self.desk.nudge();
        }
    }

    /// Somebody waits for the backend.
    pub(super) fn hurry_sync(&mut self) {
        let Some(mut sync) = self.sync.take() else { return };
        let mut told = Vec::new();
        let hurried = sync.hurry(self.now, &mut self.leader, &mut told);
        self.sync = Some(sync);
        if let Err(error) = hurried.and(self.tell(told)) {
            tracing::warn!(%error, "the sync step failed and is tried again");
        }
    }
}
