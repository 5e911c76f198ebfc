use super::model::Model;
use crate::git::GitRepository;
use crate::import::{Summary, import};
use crate::schema::History;
use crate::text::counted;
use livestore::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread::JoinHandle;

/// An import that runs beside the screen; what it commits is seen through the live queries. Dropping it ends it well.
pub(super) struct Refresh {
    status: Receiver<String>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Refresh {
    /// Reads what is new in the repository that the store belongs to.
    pub(super) fn start(store: &Store<History>, model: &mut Model) -> Option<Self> {
        let path = PathBuf::from(&model.repository.as_ref().as_ref()?.path);
        model.status = Some("looking for new commits".into());
        let (sender, status) = channel();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (store, flag) = (store.clone(), Arc::clone(&is_stopped));
        let thread = std::thread::spawn(move || {
            let told = |line: String| drop(sender.send(line)); // Nobody listens any more: the screen is being left.
            let imported = GitRepository::open(&path).map_err(Into::into).and_then(|repository| {
                import(&store, &repository, &flag, |at| told(format!("{} of {} commits", at.done, at.total)))
            });
            told(match imported {
                Ok(Summary { added: 0, .. }) => "no new commits".into(),
                Ok(Summary { added, .. }) => counted(added as i64, "new commit", "new commits"),
                Err(failure) => failure.to_string(),
            });
        });
        Some(Self { status, is_stopped, thread: Some(thread) })
    }

    /// Shows what it says; false where that is nothing new. It is forgotten when it is over.
    pub(super) fn take_status(refresh: &mut Option<Self>, model: &mut Model) -> bool {
        let Some(running) = refresh else { return false };
        let mut is_changed = false;
        loop {
            match running.status.try_recv() {
                Ok(line) => {
                    model.status = Some(line);
                    is_changed = true;
                }
                Err(TryRecvError::Empty) => return is_changed,
                Err(TryRecvError::Disconnected) => {
                    *refresh = None;
                    return is_changed;
                }
            }
        }
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join); // A panic there was printed already.
    }
}
