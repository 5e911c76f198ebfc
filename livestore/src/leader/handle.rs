use super::desk::{Desk, lock};
use super::pumped::Pumped;
use super::{Leader, LeaderOptions, SyncSetup, Worker};
use crate::error::{OpenError, StorageError, StorageKind};
use crate::materialize::panic_message;
use crate::threads::atomic::{AtomicBool, Ordering};
use crate::threads::{Builder, Condvar, JoinHandle, Mutex, ThreadId, current};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long the end of the last handle waits for the leader's thread. One that hangs in its disk is left behind then, and
/// keeps the directory locked until it ends.
const STOP_WAIT_MAX: Duration = Duration::from_secs(10);

/// The sessions' hold on the thread that serves their desk. The last handle to go stops it, after it took all that was
/// submitted.
pub(crate) struct LeaderHandle {
    desk: Arc<Desk>,
    /// The thread is over, and with it everything that it held.
    ended: Arc<(Mutex<bool>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: Option<ThreadId>,
    /// Instead of a thread.
    pumped: Option<Arc<Pumped>>,
    /// A shutdown ran out of time: the end of the handle does not wait once more.
    is_given_up: AtomicBool,
}

impl std::fmt::Debug for LeaderHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaderHandle").finish_non_exhaustive()
    }
}

impl std::ops::Deref for LeaderHandle {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl LeaderHandle {
    /// Leads in this process, for good. `keep` is held until the leader ended.
    pub(crate) fn lead(
        leader: Leader,
        options: LeaderOptions,
        sync: Option<SyncSetup>,
        keep: Box<dyn std::any::Any + Send>,
    ) -> Result<Self, OpenError> {
        let desk = Desk::new(options);
        let mut worker = Worker::new(&desk, leader, None)?;
        desk.set_sync(sync);
        worker.start_sync();
        if options.is_pumped {
            return Ok(Self::pumped(&desk, Box::new(worker), keep));
        }
        Self::start(&desk, move || {
            worker.work();
            drop(worker);
            drop(keep);
        })
    }

    /// Leads without a thread; `keep` is held until the leader ended.
    pub(crate) fn pumped(desk: &Arc<Desk>, worker: Box<Worker>, keep: Box<dyn std::any::Any + Send>) -> Self {
        Self {
            desk: Arc::clone(desk),
            ended: Arc::default(),
            thread: Mutex::default(),
            thread_id: None,
            pumped: Some(Pumped::new(desk, worker, keep)),
            is_given_up: AtomicBool::new(false),
        }
    }

    /// Whether nothing happens unless somebody pumps.
    pub(crate) fn is_pumped(&self) -> bool {
        self.pumped.is_some()
    }

    /// Runs the steps that are due, and says when the next one is; `None` where a thread does all that.
    pub(crate) fn pump(&self, now: Duration) -> Option<Duration> {
        self.pumped.as_ref()?.pump(now)
    }

    /// The same without time going on.
    pub(crate) fn pump_again(&self) {
        if let Some(pumped) = &self.pumped {
            pumped.pump_again();
        }
    }

    /// Ends the leader as the end of its process would. Only one that is pumped can be.
    #[cfg_attr(not(feature = "crash-points"), allow(dead_code))]
    pub(crate) fn abandon(&self) {
        if let Some(pumped) = &self.pumped {
            pumped.abandon();
        }
    }

    /// Starts the thread that serves the desk until the last handle is gone. What `serve` holds is dropped before the
    /// handle's end stops waiting.
    pub(crate) fn start(desk: &Arc<Desk>, serve: impl FnOnce() + Send + 'static) -> Result<Self, OpenError> {
        let ended: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let (at, ending) = (Arc::clone(desk), Arc::clone(&ended));
        let body = move || {
            let reason: Arc<str> = match catch_unwind(AssertUnwindSafe(serve)) {
                Ok(()) => "the store was shut down".into(),
                Err(panic) => format!("the leader panicked: {}", panic_message(&*panic)).into(),
            };
            at.close(&reason);
            *lock(&ending.0) = true;
            ending.1.notify_all();
        };
        let thread = Builder::new().name("livestore-leader".into()).spawn(body).map_err(|error| {
            OpenError::Storage(StorageError {
                kind: StorageKind::Resources,
                path: None,
                message: format!("the leader's thread did not start: {error}"),
            })
        })?;
        let (desk, thread_id) = (Arc::clone(desk), Some(thread.thread().id()));
        let thread = Mutex::new(Some(thread));
        Ok(Self { desk, ended, thread, thread_id, pumped: None, is_given_up: AtomicBool::new(false) })
    }

    /// The end of this handle will not wait for the thread: whoever ends it has waited already.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }
}

impl Drop for LeaderHandle {
    fn drop(&mut self) {
        self.desk.stop();
        self.pump_again();
        let thread = lock(&self.thread).take();
        // The leader's own thread may hold the last handle; it then ends by itself.
        let Some(thread) = thread.filter(|_| Some(current().id()) != self.thread_id) else { return };
        let wait_max = if self.is_given_up.load(Ordering::Relaxed) { Duration::ZERO } else { STOP_WAIT_MAX };
        let waited = self.ended.1.wait_timeout_while(lock(&self.ended.0), wait_max, |ended| !*ended);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            let _ = thread.join(); // A panic was already turned into a status.
        } else {
            tracing::error!("the leader hangs and is left behind; what it did not take is in the journals");
        }
    }
}
