//! The list on the screen: a plain state, changed by messages and drawn after each.

mod app;
mod change;
mod feed;
mod input;
mod keys;
mod terminal;
mod view;

use crate::open::COMMAND_SYNC_MAX;
use crate::report::{LEADER_DOES_NOT_SYNC, is_on_its_way, say_what_is_not_synced, waiting};
use crate::schema::{Todos, TodosEvent, UiState, UiStateSet};
use app::{App, Effect, Health};
use change::Change;
use feed::{Feed, Latest, Message};
use livestore::{ClientDocument, Error, LeaderState, Result, Store, StoreStatus, SyncError, SyncState, SyncStatus};
use ratatui::crossterm::event::{Event, KeyEventKind};
use std::ops::ControlFlow;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};
use terminal::Terminal;

/// A commit takes at most a thousand events; a change of more is committed in parts.
const GROUP_EVENTS_MAX: usize = 500;
/// How soon the status line is looked at again: soon while events are pending, for they tell nobody when they are not any more.
const STATUS_PENDING: Duration = Duration::from_millis(50);
const STATUS_IDLE: Duration = Duration::from_secs(1);

/// The longest that messages are taken without a drawing in between.
const FRAME: Duration = Duration::from_millis(30);

/// Shows the list until the user quits, then closes the store. Tells of what a backend, where there is one, did not get.
pub fn run(store: &Store<Todos>, has_backend: bool) -> Result<()> {
    let feed = Feed::start(store)?;
    let terminal =
        Terminal::take_over().map_err(|error| Error::new(format!("the terminal cannot be used: {error}")))?;
    let shown = show(store, &feed, terminal, has_backend);
    if has_backend {
        hand_over(store);
    }
    let closed = store.shutdown().map_err(Error::new);
    shown.and(closed)
}

/// What was done a moment ago is on its way; what waits for a backend that cannot be reached goes with the next run.
fn hand_over(store: &Store<Todos>) {
    if is_on_its_way(&store.sync_status()) {
        let _ = store.wait_synced(COMMAND_SYNC_MAX);
    }
    let sync = store.sync_status();
    if waiting(&sync) > 0 {
        say_what_is_not_synced(&sync);
    }
}

fn show(store: &Store<Todos>, feed: &Feed, mut terminal: Terminal, has_backend: bool) -> Result<()> {
    let mut app = App::default();
    loop {
        refresh(&mut app, feed);
        app.health = health(&store.status(), &store.sync_status(), has_backend);
        terminal.draw(|frame| view::draw(&mut app, frame))?;
        let wait = if app.health.moves { STATUS_PENDING } else { STATUS_IDLE };
        let mut next = match feed.messages.recv_timeout(wait) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        // Somebody who types fast, or pastes, need not see every letter on its own.
        let frame_end = Instant::now() + FRAME;
        while let Some(message) = next {
            if take(&mut app, message, store, feed).is_break() {
                return Ok(());
            }
            // The next key is about the list as this one left it.
            refresh(&mut app, feed);
            next = if Instant::now() < frame_end { feed.messages.try_recv().ok() } else { None };
        }
    }
}

/// Takes the new results of the live queries.
fn refresh(app: &mut App, feed: &Feed) {
    let Latest { todos, counts, ui } = feed.latest();
    if let Some(ui) = ui {
        app.ui = ui;
    }
    if let Some(counts) = counts {
        app.counts = counts;
    }
    if let Some(todos) = todos {
        app.set_todos(todos);
    }
}

fn take(app: &mut App, message: Message, store: &Store<Todos>, feed: &Feed) -> ControlFlow<()> {
    let effect = match message {
        Message::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => app.on_key(key),
        Message::Terminal(Event::Paste(text)) => app.on_paste(&text),
        // Its turn is the next drawing: a new size, a new result.
        Message::Terminal(_) | Message::Changed => None,
        Message::Logged(line) => {
            app.log(line);
            None
        }
        Message::LogRestarted => {
            app.eventlog.clear();
            None
        }
        Message::Failed(error) => {
            app.fail(&error);
            None
        }
        Message::Quit => Some(Effect::Quit),
    };
    effect.map_or(ControlFlow::Continue(()), |effect| perform(app, effect, store, feed))
}

/// Does to the store what a key asked for. What it changes comes back through the live queries.
fn perform(app: &mut App, effect: Effect, store: &Store<Todos>, feed: &Feed) -> ControlFlow<()> {
    let done = match effect {
        Effect::Quit => return ControlFlow::Break(()),
        Effect::Commit(change) => commit(store, &change.events).map(|()| app.committed(change)),
        Effect::Undo(change) => {
            undo(app, change, store);
            Ok(())
        }
        Effect::SetFilter(filter) => set(store, UiState::set().filter(filter)),
        Effect::ShowEventlog(shows_eventlog) => set(store, UiState::set().shows_eventlog(shows_eventlog)),
        Effect::Retry => {
            // A connection that waits tries at once; the status line tells what comes of it.
            let _ = store.wait_synced(Duration::ZERO);
            Ok(())
        }
        Effect::Search(text) => feed.search(store, text.clone()).map(|()| app.search = text),
    };
    if let Err(error) = done {
        app.fail(&error.to_string());
    }
    ControlFlow::Continue(())
}

fn set(store: &Store<Todos>, set: UiStateSet) -> Result<()> {
    store.commit(set)?;
    Ok(())
}

fn undo(app: &mut App, change: Change, store: &Store<Todos>) {
    match commit(store, &change.compensation) {
        Ok(()) => app.undone(change),
        Err(error) => app.not_undone(change, &error.to_string()),
    }
}

fn commit(store: &Store<Todos>, events: &[TodosEvent]) -> Result<()> {
    for group in events.chunks(GROUP_EVENTS_MAX) {
        store.commit(group.to_vec())?;
    }
    Ok(())
}

fn health(status: &StoreStatus, sync: &SyncStatus, has_backend: bool) -> Health {
    let problem = match &status.leader {
        _ if status.closed.is_some() => status.closed.clone(),
        LeaderState::Retrying { error, .. } => Some(format!("the eventlog cannot be written, trying again: {error}")),
        LeaderState::Silent => Some("the process that leads this list is silent; what you change is kept".to_owned()),
        LeaderState::Stopped { reason } => Some(format!("nothing more is written: {reason}")),
        _ => match (&sync.state, status.quarantined.len()) {
            (SyncState::Stopped { reason }, _) => Some(format!("nothing more is synced: {reason}")),
            (_, 0) => None,
            (_, count) => Some(format!("{count} commits could not be applied")),
        },
    };
    // What waits for a backend that cannot be reached does so for a while.
    let waits = matches!(sync.state, SyncState::Waiting);
    Health {
        local_head: status.local_head.to_string(),
        upstream_head: status.upstream_head.to_string(),
        pending: status.pending,
        to_sync: has_backend.then(|| waiting(sync)),
        moves: status.pending > 0 && !waits
            || is_on_its_way(sync)
            || matches!(sync.state, SyncState::CatchingUp { .. }),
        sync: if has_backend { describe(sync) } else { None },
        problem,
    }
}

/// What the connection to the backend does, in a few words; `None` where a problem tells it.
fn describe(sync: &SyncStatus) -> Option<String> {
    Some(match &sync.state {
        SyncState::Off | SyncState::Stopped { .. } => return None,
        SyncState::OffAtLeader => LEADER_DOES_NOT_SYNC.to_owned(),
        SyncState::Connecting => "connecting".to_owned(),
        SyncState::CatchingUp { done, total: Some(total) } => format!("catching up {done}/{total}"),
        SyncState::CatchingUp { .. } => "catching up".to_owned(),
        SyncState::Live if sync.is_synced() => "synced".to_owned(),
        SyncState::Live if matches!(sync.last_error, Some(SyncError::Refused { .. })) => "only following".to_owned(),
        SyncState::Live => "syncing".to_owned(),
        _ => {
            let why = match &sync.last_error {
                Some(SyncError::Unauthorized { .. }) => "not let in",
                Some(SyncError::Protocol { .. }) => "no sync backend there",
                _ => "offline",
            };
            let seconds = sync.next_retry_ms.map(|ms| ms.div_ceil(1_000));
            seconds.map_or_else(|| why.to_owned(), |seconds| format!("{why}, again in {seconds} s (r: now)"))
        }
    })
}
