//! What happens outside of the screen: keys, new events and signals in a queue, and the latest results of the live queries.

#[cfg(test)]
mod tests;

use super::app::{Counts, EVENTLOG_MAX, LogLine};
use crate::schema::{Todo, Todos, UiState};
use crate::text::fit;
use livestore::{
    ClientDocument, Error, EventStream, EventlogRestarted, LiveQuery, RawEvent, Result, SequenceNumber, Signal, Store,
    Subscription, computed, query_db, query_db_with, signal,
};
use ratatui::crossterm::event::{self, Event};
use serde_json::Value;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The columns of an event's args that are kept: no terminal is wider.
const ARGS_MAX: usize = 500;
/// The most messages that wait for the screen; who has more waits with them.
const MESSAGES_MAX: usize = 1_024;

/// What the screen is told.
pub enum Message {
    Terminal(Event),
    /// A live query has a new result, which [`Feed::latest`] holds.
    Changed,
    Logged(LogLine),
    /// The eventlog begins again, and is told from its beginning.
    LogRestarted,
    Failed(String),
    /// A signal, or the end of the terminal.
    Quit,
}

/// Results that the screen has not taken yet. Of each query only the newest counts, so nothing piles up here.
#[derive(Default)]
pub struct Latest {
    pub todos: Option<Arc<Vec<Todo>>>,
    pub counts: Option<Counts>,
    pub ui: Option<UiState>,
}

/// The live queries of the screen. They run again when a commit or the search touches what they read, and call back.
pub struct Feed {
    pub messages: Receiver<Message>,
    latest: Arc<Mutex<Latest>>,
    search: Signal<String>,
    _subscriptions: [Subscription; 3],
}

impl Feed {
    /// The present results are there when this returns.
    pub fn start(store: &Store<Todos>) -> Result<Self> {
        let (sender, messages) = sync_channel(MESSAGES_MAX);
        let latest = Arc::new(Mutex::new(Latest::default()));
        let search = signal(String::new());
        let callback = Callback { latest: Arc::clone(&latest), sender: sender.clone() };
        let subscriptions = [
            store.subscribe(&UiState::get(), callback.sets(|latest, ui: &UiState| latest.ui = Some(*ui)))?,
            store
                .subscribe(&counted(), callback.sets(|latest, counts: &Arc<Counts>| latest.counts = Some(**counts)))?,
            store.subscribe(
                &found(&search),
                callback.sets(|latest, todos: &Arc<Arc<Vec<Todo>>>| latest.todos = Some(Arc::clone(todos))),
            )?,
        ];
        watch_eventlog(store, sender.clone());
        let quit = sender.clone();
        ctrlc::set_handler(move || drop(quit.send(Message::Quit)))
            .map_err(|error| Error::new(format!("signals cannot be received: {error}")))?;
        watch_terminal(sender);
        Ok(Self { messages, latest, search, _subscriptions: subscriptions })
    }

    /// What changed since the last call.
    pub fn latest(&self) -> Latest {
        std::mem::take(&mut *self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn search(&self, store: &Store<Todos>, text: String) -> Result<()> {
        Ok(store.set_signal(&self.search, text)?)
    }
}

/// Makes the callbacks of the live queries.
struct Callback {
    latest: Arc<Mutex<Latest>>,
    sender: SyncSender<Message>,
}

impl Callback {
    fn sets<T>(&self, set: fn(&mut Latest, &T)) -> impl FnMut(&T) + Send + use<T> {
        let (latest, sender) = (Arc::clone(&self.latest), self.sender.clone());
        move |value| {
            set(&mut latest.lock().unwrap_or_else(PoisonError::into_inner), value);
            // Only to wake the screen, which may itself be the one that commits and so calls: it must not wait for itself. Where
            // the queue is full it is awake.
            let _ = sender.try_send(Message::Changed);
        }
    }
}

fn counted() -> LiveQuery<Counts> {
    let open = query_db(Todo::listed().filter(|t| t.completed.eq(false)).count());
    let done = query_db(Todo::listed().filter(|t| t.completed.eq(true)).count());
    computed(move |cx| Ok(Counts { open: *cx.get(&open)?, done: *cx.get(&done)? }))
}

/// What the filter lets through, and of that what has the search text in it.
fn found(search: &Signal<String>) -> LiveQuery<Arc<Vec<Todo>>> {
    let filtered = query_db_with(|cx| Ok(Todo::filtered(cx.get(&UiState::get())?.filter)));
    let search = search.clone();
    computed(move |cx| {
        let todos = cx.get(&filtered)?;
        let search = cx.get(&search)?.to_lowercase();
        if search.is_empty() {
            return Ok(todos);
        }
        let has_it = |todo: &&Todo| todo.text.to_lowercase().contains(&search);
        Ok(Arc::new(todos.iter().filter(has_it).cloned().collect()))
    })
}

/// Follows the eventlog from shortly before its end. Ends with the store, or with the screen.
fn watch_eventlog(store: &Store<Todos>, sender: SyncSender<Message>) {
    let store = store.clone();
    let mut events = newest(&store);
    thread::spawn(move || {
        while let Some(event) = events.next() {
            let message = match event {
                Ok(event) => Message::Logged(LogLine {
                    number: event.number.to_string(),
                    name: event.event.name,
                    args: fit(&readable(event.event.args.as_deref().unwrap_or_default()), ARGS_MAX),
                    is_client_only: event.event.client_only,
                }),
                // A list that meets its first backend, or another one: its events are ordered anew.
                Err(error) if error.downcast_ref::<EventlogRestarted>().is_some() => {
                    events = newest(&store);
                    Message::LogRestarted
                }
                Err(error) => Message::Failed(format!("the eventlog cannot be read: {error}")),
            };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
}

/// The events that have room in the pane, and those that come.
fn newest(store: &Store<Todos>) -> EventStream<RawEvent> {
    let head = store.status().upstream_head;
    let since = SequenceNumber { global: head.global.saturating_sub(EVENTLOG_MAX as u64), ..SequenceNumber::ROOT };
    store.raw_events().since(since)
}

/// The args as `key=value`, which is shorter than their JSON; anything but an object is left as it is.
fn readable(args: &str) -> String {
    match serde_json::from_str(args) {
        Ok(Value::Object(fields)) => {
            fields.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        }
        _ => args.to_owned(),
    }
}

/// Reads keys until the terminal is gone. The thread ends with the program: nothing can call it back from its read.
fn watch_terminal(sender: SyncSender<Message>) {
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(Message::Terminal(event)).is_err() {
                return;
            }
        }
        let _ = sender.send(Message::Quit);
    });
}
