//! Everything that can happen, in one queue: keys, changes of live queries, new events, signals.

use super::app::{Counts, EVENTLOG_MAX, LogLine};
use crate::schema::{Todo, Todos, UiState};
use crate::text::fit;
use livestore::{
    ClientDocument, Error, LiveQuery, Result, SequenceNumber, Signal, Store, Subscription, computed, query_db,
    query_db_with, signal,
};
use ratatui::crossterm::event::{self, Event};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// The columns of an event's args that are kept: no terminal is wider.
const ARGS_MAX: usize = 500;

/// What the screen is told.
pub enum Message {
    Terminal(Event),
    Todos(Arc<Vec<Todo>>),
    Counts(Counts),
    Ui(UiState),
    Logged(LogLine),
    Failed(String),
    /// A signal, or the end of the terminal.
    Quit,
}

/// The live queries of the screen. They run again when a commit or the search touches what they read, and call back.
pub struct Feed {
    pub messages: Receiver<Message>,
    search: Signal<String>,
    _subscriptions: [Subscription; 3],
}

impl Feed {
    /// The present results are in the queue when this returns.
    pub fn start(store: &Store<Todos>) -> Result<Self> {
        // The thread that empties the queue also commits, and so fills it: a bound could make it wait for itself. It holds
        // a few messages for each commit.
        let (sender, messages) = channel();
        let search = signal(String::new());
        let ui = to(&sender, |ui: &UiState| Message::Ui(*ui));
        let counts = to(&sender, |counts: &Arc<Counts>| Message::Counts(**counts));
        let todos = to(&sender, |todos: &Arc<Arc<Vec<Todo>>>| Message::Todos(Arc::clone(todos)));
        let subscriptions = [
            store.subscribe(&UiState::get(), ui)?,
            store.subscribe(&counted(), counts)?,
            store.subscribe(&found(&search), todos)?,
        ];
        watch_eventlog(store, sender.clone());
        let quit = sender.clone();
        ctrlc::set_handler(move || drop(quit.send(Message::Quit)))
            .map_err(|error| Error::new(format!("signals cannot be received: {error}")))?;
        watch_terminal(sender);
        Ok(Self { messages, search, _subscriptions: subscriptions })
    }

    pub fn search(&self, store: &Store<Todos>, text: String) -> Result<()> {
        Ok(store.set_signal(&self.search, text)?)
    }
}

/// A callback that puts what it is told into the queue.
fn to<T>(sender: &Sender<Message>, message: fn(&T) -> Message) -> impl FnMut(&T) + Send + use<T> {
    let sender = sender.clone();
    move |value| drop(sender.send(message(value)))
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
fn watch_eventlog(store: &Store<Todos>, sender: Sender<Message>) {
    let head = store.status().upstream_head;
    let since = SequenceNumber { global: head.global.saturating_sub(EVENTLOG_MAX as u64), ..SequenceNumber::ROOT };
    let events = store.raw_events().since(since);
    thread::spawn(move || {
        for event in events {
            let message = match event {
                Ok(event) => Message::Logged(LogLine {
                    number: event.number.to_string(),
                    name: event.event.name,
                    args: fit(event.event.args.as_deref().unwrap_or_default(), ARGS_MAX),
                    is_client_only: event.event.client_only,
                }),
                Err(error) => Message::Failed(format!("the eventlog cannot be read: {error}")),
            };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
}

/// Reads keys until the terminal is gone. The thread ends with the program: nothing can call it back from its read.
fn watch_terminal(sender: Sender<Message>) {
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(Message::Terminal(event)).is_err() {
                return;
            }
        }
        let _ = sender.send(Message::Quit);
    });
}
