use super::ids::{Ids, Repeated, Search, Standing};
use super::{Admission, admit};
use crate::storage::{Appended, Entry, LogState, Nonce, ReadMax, StorageError};
use livestore_sync_protocol::{BackendId, Event, LogEvent, PushVerdict};
use std::sync::Arc;

/// A push that waits for its verdict.
#[derive(Clone, Debug)]
pub struct Push {
    /// The events, in order.
    pub batch: Vec<Event>,
    /// The backend that the client knows.
    pub backend_id: Option<Box<str>>,
    /// Who pushes, as the server knows them.
    pub principal: Option<Box<str>>,
    /// When it came: milliseconds since 1970.
    pub at_ms: i64,
}

/// What becomes of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is in the log, or nothing of it was appended.
    Judged(PushVerdict),
    /// It cannot be said: the connection has to be closed, so that the client asks again.
    Unknown,
}

/// What an owner hears.
#[derive(Debug)]
pub enum Input {
    /// A push; only when the owner [is idle](Owner::is_idle).
    Push(Push),
    /// The answer to [`Output::Load`].
    Loaded(Result<LogState, StorageError>),
    /// The answer to [`Output::Append`].
    Appended(Result<Appended, StorageError>),
    /// The answer to [`Output::Read`].
    Read(Result<Vec<Entry>, StorageError>),
    /// The answer to [`Output::Origins`].
    Origins(Result<Vec<Option<u64>>, StorageError>),
    /// Somebody else may have appended.
    Hint,
}

/// What an owner wants done.
#[derive(Debug)]
pub enum Output {
    /// Load the log's state, making the log where there is none.
    Load,
    /// Append these events to the log in this state.
    Append(LogState, Arc<[Entry]>),
    /// The highest ordinals that the log has of these nonces.
    Origins(Vec<Nonce>),
    /// Read stored events to compare a push with.
    Read {
        /// After this number.
        after: u64,
        /// So many.
        max: ReadMax,
    },
    /// The verdict on the push.
    Answer(Verdict),
    /// The log has these events more, at its end. Comes before the answer to the push that brought them.
    Published(Arc<[Entry]>),
    /// The log ends at another number than was known, by events that are not at hand: somebody else's.
    Moved(u64),
    /// The log is another one, or has lost events: whoever follows it has to begin again. Close all connections to the store.
    Restarted(LogState),
}

/// Owns one store's log: the only one in this process that appends to it. One step after the other, so no two pushes are ever
/// judged on one head; what another process appends shows as [`Appended::Moved`].
#[derive(Debug, Default)]
pub struct Owner {
    log: Option<LogState>,
    ids: Ids,
    events_max: Option<u64>,
    step: Step,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Idle,
    /// The log's state is on the way; then the push is judged.
    Loading(Option<Push>),
    Comparing(Push),
    /// The push follows the log; whether its ids are new is asked of the storage.
    Asking(Push, LogState, Vec<Nonce>),
    Searching(Push, LogState, Search),
    Appending(Push, Arc<[Entry]>),
}

impl Owner {
    /// Of a log that may have so many events; [`Owner::default`] is of one without a limit.
    #[must_use]
    pub fn with_events_max(events_max: Option<u64>) -> Self {
        Self { events_max, ..Self::default() }
    }

    /// Whether it can take a push or a hint.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.step, Step::Idle)
    }

    /// The log's state as far as it is known.
    #[must_use]
    pub const fn log(&self) -> Option<&LogState> {
        self.log.as_ref()
    }

    /// One step.
    pub fn step(&mut self, input: Input) -> Vec<Output> {
        match (std::mem::take(&mut self.step), input) {
            (Step::Idle, Input::Push(push)) => self.judge(push, false),
            (Step::Idle, Input::Hint) => self.load(None),
            (Step::Loading(push), Input::Loaded(loaded)) => self.loaded(push, loaded),
            (Step::Comparing(push), Input::Read(read)) => self.compared(push, read),
            (Step::Asking(push, log, nonces), Input::Origins(found)) => self.asked(push, log, nonces, found),
            (Step::Searching(push, log, search), Input::Read(read)) => self.searched(push, log, search, read),
            (Step::Appending(push, entries), Input::Appended(appended)) => self.appended(push, entries, appended),
            // A hint while it is at work: what it does next finds out.
            (step, Input::Hint) => {
                self.step = step;
                Vec::new()
            }
            // A push at the wrong time, or an answer to nothing. The caller's mistake must not leave a client without a verdict.
            (step, Input::Push(_)) => {
                self.step = step;
                vec![Output::Answer(Verdict::Unknown)]
            }
            (step, _) => {
                self.step = step;
                Vec::new()
            }
        }
    }

    fn load(&mut self, push: Option<Push>) -> Vec<Output> {
        self.step = Step::Loading(push);
        vec![Output::Load]
    }

    fn loaded(&mut self, push: Option<Push>, loaded: Result<LogState, StorageError>) -> Vec<Output> {
        let found = match loaded {
            Ok(found) => found,
            // The storage could not be asked, so the push was not judged: the client tries it again.
            Err(error) => return push.map_or_else(Vec::new, |_| refuse(&error)),
        };
        let mut outputs = self.follow(found);
        if let Some(push) = push {
            outputs.extend(self.judge(push, true));
        }
        outputs
    }

    /// Takes over the state that the storage tells.
    fn follow(&mut self, found: LogState) -> Vec<Output> {
        let known = self.log.replace(found.clone());
        match known {
            Some(known) if known == found => Vec::new(),
            Some(known) if known.backend_id != found.backend_id || known.head > found.head => {
                self.ids = Ids::default();
                vec![Output::Restarted(found)]
            }
            _ => {
                self.ids.moved();
                vec![Output::Moved(found.head)]
            }
        }
    }

    /// What is known of the log may be old, where other processes append to it. Where the client knows more of it, `is_fresh` says
    /// that it was looked at already: "server ahead" of a head that is none any more would have the client wait for what it holds.
    fn judge(&mut self, push: Push, is_fresh: bool) -> Vec<Output> {
        let Some(log) = self.log.clone() else { return self.load(Some(push)) };
        let is_beyond = push.batch.first().is_some_and(|first| first.parent > log.head);
        let is_other = push.backend_id.as_deref().is_some_and(|known| known != &*log.backend_id);
        if !is_fresh && (is_beyond || is_other) {
            return self.load(Some(push));
        }
        let Ok(backend_id) = BackendId::new(&*log.backend_id) else {
            return refuse(&StorageError::damaged(format!("a log has the backend id `{}`", log.backend_id)));
        };
        match admit(&backend_id, log.head, push.backend_id.as_deref(), &push.batch) {
            Admission::Verdict(verdict) => judged(verdict),
            Admission::Append => self.append(push, log),
            Admission::Compare { after } => {
                // A repeat is as long as what it repeats. More is not read, whatever stands there.
                let bytes = push.batch.iter().map(Event::json_bytes).sum();
                let max = ReadMax { events: push.batch.len(), bytes };
                self.step = Step::Comparing(push);
                vec![Output::Read { after, max }]
            }
        }
    }

    fn append(&mut self, push: Push, log: LogState) -> Vec<Output> {
        let last = push.batch.last().map_or(0, |last| last.number);
        if let Some(max) = self.events_max.filter(|max| last > *max) {
            // Not for good: the limit may be raised, and what a client has committed stays pending until then.
            return judged(PushVerdict::Failed { reason: format!("the store may have {max} events, and is full") });
        }
        match self.ids.standing(&push.batch) {
            Standing::New => self.store(push, log),
            Standing::Ask(nonces) => {
                self.step = Step::Asking(push, log, nonces.clone());
                vec![Output::Origins(nonces)]
            }
            Standing::Search(search) => self.search(push, log, search),
            Standing::Twice(Repeated { number, id, of }) => {
                judged(PushVerdict::Rejected { number, reason: format!("its id {id} is that of e{of} before it") })
            }
        }
    }

    fn asked(
        &mut self,
        push: Push,
        log: LogState,
        nonces: Vec<Nonce>,
        found: Result<Vec<Option<u64>>, StorageError>,
    ) -> Vec<Output> {
        match found {
            Ok(found) if found.len() == nonces.len() => {
                self.ids.learn(nonces, found);
                self.append(push, log)
            }
            Ok(_) => refuse(&StorageError::misuse("it was asked for more nonces than it answered")),
            Err(error) => refuse(&error),
        }
    }

    /// Looks at what follows, up to the head of the log that the push is judged on. Where others append meanwhile, the storage
    /// refuses the append, and the push is judged again.
    fn search(&mut self, push: Push, log: LogState, search: Search) -> Vec<Output> {
        if search.after < log.head {
            let after = search.after;
            self.step = Step::Searching(push, log, search);
            return vec![Output::Read { after, max: ReadMax::SCAN }];
        }
        self.store(push, log)
    }

    fn searched(
        &mut self,
        push: Push,
        log: LogState,
        mut search: Search,
        read: Result<Vec<Entry>, StorageError>,
    ) -> Vec<Output> {
        let page = match read {
            Ok(page) => page,
            Err(error) => return refuse(&error),
        };
        let after = search.after;
        match self.ids.look(&mut search, log.head, &page) {
            Some(found) => repeated(&found),
            // The log has become shorter than it was.
            None if search.after == after => {
                let mut outputs = refuse(&StorageError::damaged(format!("e{} is missing", after + 1)));
                outputs.extend(self.load(None));
                outputs
            }
            None => self.search(push, log, search),
        }
    }

    fn store(&mut self, push: Push, log: LogState) -> Vec<Output> {
        let entries: Arc<[Entry]> = push.batch.iter().map(|event| entry(event, &push)).collect();
        self.step = Step::Appending(push, Arc::clone(&entries));
        vec![Output::Append(log, entries)]
    }

    /// Drops what is stored under the same ids at the same numbers; the rest is judged as new.
    fn compared(&mut self, mut push: Push, read: Result<Vec<Entry>, StorageError>) -> Vec<Output> {
        let stored = match read {
            Ok(stored) => stored,
            Err(error) => return refuse(&error),
        };
        let is_same = |(event, entry): &(&Event, &Entry)| {
            let stored: Option<Event> = serde_json::from_str(&entry.body).ok();
            event.number == entry.number && event.id.is_some() && stored.is_some_and(|stored| stored.id == event.id)
        };
        let same = push.batch.iter().zip(&stored).take_while(is_same).count();
        let Some(log) = self.log.clone() else { return self.load(Some(push)) };
        push.batch.drain(..same);
        match push.batch.first().map(|first| first.parent) {
            None => judged(PushVerdict::Accepted { head: log.head }),
            Some(parent) if parent == log.head => self.append(push, log),
            Some(_) => judged(PushVerdict::ServerAhead { head: log.head }),
        }
    }

    fn appended(&mut self, push: Push, entries: Arc<[Entry]>, appended: Result<Appended, StorageError>) -> Vec<Output> {
        match appended {
            Ok(Appended::Stored) => {
                let head = entries.last().map_or(0, |last| last.number);
                if let Some(log) = &mut self.log {
                    log.head = head;
                }
                self.ids.appended(&push.batch);
                vec![Output::Published(entries), Output::Answer(Verdict::Judged(PushVerdict::Accepted { head }))]
            }
            // Somebody else was first: judged again, on what is there now.
            Ok(Appended::Moved(Some(found))) => {
                let mut outputs = self.follow(found);
                outputs.extend(self.judge(push, true));
                outputs
            }
            Ok(Appended::Moved(None)) => self.load(Some(push)),
            Err(error @ (StorageError::Unavailable { .. } | StorageError::Misuse { .. })) => refuse(&error),
            Err(StorageError::Unknown { .. } | StorageError::Damaged { .. }) => {
                let mut outputs = vec![Output::Answer(Verdict::Unknown)];
                outputs.extend(self.load(None));
                outputs
            }
        }
    }
}

/// The storage's own words may tell more of the machine than a client should know; they are in the server's log.
fn refuse(error: &StorageError) -> Vec<Output> {
    tracing::warn!(%error, "a push is refused for now");
    judged(PushVerdict::Failed { reason: "the server cannot store events now".into() })
}

/// For good, so that a client neither tries it for ever nor waits for what it has. One of ours never gets here: it pushes on top
/// of what it pulled, and what it pulled has confirmed its pending events by their ids, so none of them is in the log below. Of a
/// client that lost its own account of that, nothing is lost either: it keeps the event aside as rejected, goes on with those
/// behind it, and has pulled, or will pull, the same event at the number where it is. "Server ahead" would have it pull for ever
/// what it holds, and "try again later" would be a lie. A repeat whose answer was lost comes at the same number, and is accepted.
fn repeated(found: &Repeated) -> Vec<Output> {
    let Repeated { number, id, of } = found;
    let reason = format!("its id {id} is in the log already, at e{of}");
    judged(PushVerdict::Rejected { number: *number, reason })
}

fn judged(verdict: PushVerdict) -> Vec<Output> {
    vec![Output::Answer(Verdict::Judged(verdict))]
}

fn entry(event: &Event, push: &Push) -> Entry {
    let LogEvent { number, rest, created_at_ms, body } = LogEvent::new(event, push.at_ms);
    Entry { number, rest, created_at_ms, principal: push.principal.clone(), body }
}
