//! The task that owns a store's log.

use super::pages::Pages;
use super::store::{Follow, OpenStore, Request, State};
use super::{HubOptions, Shared};
use crate::limits::Bucket;
use crate::log::{Input, Output, Owner, Push, Recent, TurnOptions, Turns, Verdict};
use crate::metrics::METRICS;
use crate::storage::{LogState, Storage, StorageError};
use futures_util::FutureExt as _;
use livestore_sync_protocol::BackendId;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// The wait before a log that could not be loaded is tried again.
const RELOAD: Duration = Duration::from_millis(500);

pub(super) fn start(shared: &Arc<Shared>, store_id: &str) -> Arc<OpenStore> {
    let (requests, receiver) = mpsc::channel(shared.options.pushes_max);
    let (state, watched) = watch::channel(State::Loading);
    let recent = Arc::new(Mutex::new(Recent::new(0, shared.options.recent_bytes)));
    let task = Task {
        hub: Arc::downgrade(shared),
        storage: Arc::clone(&shared.storage),
        options: shared.options,
        store_id: store_id.into(),
        owner: Owner::with_events_max(shared.options.events_max),
        turns: Turns::new(TurnOptions { held_max: shared.options.pushes_max, ..TurnOptions::default() }),
        begin: Instant::now(),
        recent: Arc::clone(&recent),
        state,
        restarts: 0,
        waiting: None,
        looked: Ok(()),
    };
    let name = store_id.to_owned();
    tokio::spawn(async move {
        // Its end closes the way to it, so whoever waits is told; who comes next opens the store anew.
        if AssertUnwindSafe(task.run(receiver)).catch_unwind().await.is_err() {
            tracing::error!(store = name, "the owner of a store panicked");
        }
    });
    let storage = Arc::clone(&shared.storage);
    let pace = Mutex::new(Bucket::new(shared.options.pace));
    let opened_at = Instant::now();
    let (store_id, pages, pushers) = (store_id.into(), Pages::default(), AtomicU64::new(0));
    Arc::new(OpenStore { store_id, storage, recent, pages, state: watched, requests, pushers, opened_at, pace })
}

struct Task {
    hub: Weak<Shared>,
    storage: Arc<dyn Storage>,
    options: HubOptions,
    store_id: Box<str>,
    owner: Owner,
    turns: Turns<(Push, oneshot::Sender<Verdict>)>,
    begin: Instant,
    recent: Arc<Mutex<Recent>>,
    state: watch::Sender<State>,
    restarts: u64,
    waiting: Option<oneshot::Sender<Verdict>>,
    /// How the last look at the storage went.
    looked: Result<(), StorageError>,
}

impl Task {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        self.act(Input::Hint).await;
        let mut idle = Duration::ZERO;
        loop {
            let is_loaded = self.owner.log().is_some();
            let wait = match (is_loaded, self.storage.is_shared()) {
                (false, _) => RELOAD,
                (true, true) => self.options.poll.min(self.options.linger),
                (true, false) => self.options.linger,
            };
            let turn_ends = self.turns.deadline().map(|at| at.saturating_sub(self.begin.elapsed()));
            let wait = turn_ends.map_or(wait, |ends| ends.min(wait));
            let request = tokio::time::timeout(wait, requests.recv()).await;
            idle = if request.is_ok() { Duration::ZERO } else { idle + wait };
            match request {
                Ok(Some(Request::Push(from, push, verdict))) => {
                    self.turns.push(from, (push, verdict));
                    self.judge().await;
                }
                Ok(Some(Request::Gone(pusher))) => {
                    self.turns.gone(pusher, self.begin.elapsed());
                    self.judge().await;
                }
                Ok(Some(Request::Hint)) => self.act(Input::Hint).await,
                Ok(Some(Request::Look(looked))) => {
                    self.act(Input::Hint).await;
                    let _ = looked.send(self.looked.clone());
                }
                Ok(None) => return,
                Err(_) if turn_ends.is_some() => self.judge().await,
                Err(_) => {
                    // A log that cannot be loaded is not worth keeping.
                    let is_over = idle >= self.options.linger || !is_loaded;
                    if self.hub.upgrade().is_none_or(|hub| is_over && hub.forget(&self.store_id)) {
                        return;
                    }
                    if !is_loaded || self.storage.is_shared() {
                        self.act(Input::Hint).await;
                    }
                }
            }
        }
    }

    /// Judges the pushes whose turn it is.
    async fn judge(&mut self) {
        while let Some((push, verdict)) = self.turns.next(self.begin.elapsed()) {
            self.waiting = Some(verdict);
            self.act(Input::Push(push)).await;
            // Whatever happened, somebody waits.
            self.answer(Verdict::Unknown);
        }
    }

    /// One step of the owner, and all that follows from it.
    async fn act(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.owner.step(input) {
                inputs.extend(self.perform(output).await);
            }
        }
    }

    async fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Load => {
                let loaded = self.load().await;
                self.looked = loaded.as_ref().map(|_| ()).map_err(Clone::clone);
                if let Err(error) = &loaded {
                    self.failed(error);
                }
                return Some(Input::Loaded(loaded));
            }
            Output::Append(log, entries) => {
                let appended = self.storage.append(&self.store_id, &log, entries.to_vec()).await;
                return Some(Input::Appended(appended));
            }
            Output::Read { after, max } => {
                // Clients that push at the same time are behind by what came just now: that is at hand.
                let at_hand = self.recent().after(after, max);
                return Some(Input::Read(match at_hand {
                    Some(entries) => Ok(entries),
                    None => self.storage.read(&self.store_id, after, max).await,
                }));
            }
            Output::Origins(nonces) => return Some(Input::Origins(self.storage.origins(&self.store_id, nonces).await)),
            Output::Published(entries) => {
                self.recent().push(entries.iter().cloned());
                self.publish();
            }
            Output::Moved(head) => {
                self.recent().skip_to(head);
                self.publish();
            }
            Output::Restarted(log) => {
                tracing::warn!(store = &*self.store_id, head = log.head, "the log is another one, or lost events");
                self.restarts += 1;
                self.recent().skip_to(log.head);
                self.publish();
            }
            Output::Answer(verdict) => self.answer(verdict),
        }
        None
    }

    async fn load(&self) -> Result<LogState, StorageError> {
        match self.storage.load(&self.store_id).await? {
            Some(log) => Ok(log),
            None => self.storage.create(&self.store_id, &nanoid::nanoid!()).await,
        }
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who follows.
    fn publish(&self) {
        let Some(log) = self.owner.log() else { return };
        let state = match BackendId::new(&*log.backend_id) {
            Ok(backend_id) => State::Open(Follow { backend_id, head: log.head, restarts: self.restarts }),
            Err(error) => State::Failed(StorageError::damaged(error)),
        };
        self.state.send_replace(state);
    }

    fn failed(&self, error: &StorageError) {
        tracing::warn!(store = &*self.store_id, %error, "the log cannot be loaded");
        // Who is connected already stays so: pushes are refused until it works again.
        self.state.send_if_modified(|state| {
            let is_new = !matches!(state, State::Open(_));
            if is_new {
                *state = State::Failed(error.clone());
            }
            is_new
        });
    }

    fn answer(&mut self, verdict: Verdict) {
        if let Some(waiting) = self.waiting.take() {
            METRICS.judged(&verdict);
            self.turns.judged(&verdict, self.begin.elapsed());
            let _ = waiting.send(verdict);
        }
    }
}
