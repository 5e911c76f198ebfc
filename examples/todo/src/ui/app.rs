//! What the screen is about: a plain value. Messages and keys change it, and it says what is to be done to the store.

use super::change::Change;
use super::input::Input;
use crate::schema::{Filter, Todo, UiState};
use std::collections::VecDeque;
use std::sync::Arc;

/// The most changes that can be undone.
const UNDO_MAX: usize = 1_000;
/// The most events that the eventlog's pane keeps.
pub const EVENTLOG_MAX: usize = 200;

/// The state of the screen.
#[derive(Debug, Default)]
pub struct App {
    /// What filter and search let through.
    pub todos: Arc<Vec<Todo>>,
    pub counts: Counts,
    pub ui: UiState,
    pub search: String,
    pub mode: Mode,
    /// The newest events, oldest first.
    pub eventlog: VecDeque<LogLine>,
    pub health: Health,
    pub notice: Option<Notice>,
    pub selected: usize,
    /// Follows the selected todo when others come and go.
    selected_id: Option<String>,
    /// The first todo on the screen, and how many have room: decided when the list is drawn.
    pub scroll: usize,
    pub rows: usize,
    changes: Vec<Change>,
}

/// What the keys mean now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    List,
    Add(Input),
    Edit {
        id: String,
        input: Input,
    },
    Search(Input),
    /// The keys, scrolled down by so many lines.
    Help(u16),
    /// The whole text of the selected todo, scrolled down by so many lines.
    Details(u16),
}

/// What is to be done to the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Commit(Change),
    Undo(Change),
    SetFilter(Filter),
    ShowEventlog(bool),
    Search(String),
    /// Try the backend now.
    Retry,
    Quit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub open: i64,
    pub done: i64,
}

/// An event as the eventlog's pane shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub number: String,
    pub name: String,
    pub args: String,
    pub is_client_only: bool,
}

/// How the store is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub local_head: String,
    pub upstream_head: String,
    /// Events that are safe, and not in the eventlog yet.
    pub pending: usize,
    /// Events that the backend does not have; `None` without one.
    pub to_sync: Option<usize>,
    /// Whether it will soon be another one.
    pub moves: bool,
    /// What the connection to the sync backend does; `None` without one.
    pub sync: Option<String>,
    pub problem: Option<String>,
}

/// A line that tells what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Done(String),
    Failed(String),
}

impl App {
    pub fn selected(&self) -> Option<&Todo> {
        self.todos.get(self.selected)
    }

    /// Takes a new result of the live query, and keeps the same todo selected.
    pub fn set_todos(&mut self, todos: Arc<Vec<Todo>>) {
        self.todos = todos;
        let last = self.todos.len().saturating_sub(1);
        let index = self.selected_id.as_ref().and_then(|id| self.todos.iter().position(|todo| todo.id == *id));
        self.select(index.unwrap_or(self.selected.min(last)));
    }

    pub fn select(&mut self, index: usize) {
        self.selected = index.min(self.todos.len().saturating_sub(1));
        self.selected_id = self.selected().map(|todo| todo.id.clone());
    }

    pub fn log(&mut self, line: LogLine) {
        if self.eventlog.len() == EVENTLOG_MAX {
            self.eventlog.pop_front();
        }
        self.eventlog.push_back(line);
    }

    /// The change is in the store: it can be undone, and its todo is selected once the list has it.
    pub fn committed(&mut self, change: Change) {
        self.notice = None;
        // A todo that was deleted has no place in the list; its neighbour is selected.
        if change.id.is_some() {
            self.selected_id.clone_from(&change.id);
        }
        if self.changes.len() == UNDO_MAX {
            self.changes.remove(0);
        }
        self.changes.push(change);
    }

    pub fn undone(&mut self, change: Change) {
        self.notice = Some(Notice::Done(format!("undone: {}", change.what)));
        if change.id.is_some() {
            self.selected_id = change.id;
        }
    }

    /// The change stands still, and can be undone later.
    pub fn not_undone(&mut self, change: Change, error: &str) {
        self.changes.push(change);
        self.fail(error);
    }

    pub fn fail(&mut self, error: &str) {
        self.notice = Some(Notice::Failed(error.to_owned()));
    }

    pub(super) fn undo(&mut self) -> Option<Effect> {
        match self.changes.pop() {
            Some(change) => Some(Effect::Undo(change)),
            None => {
                self.notice = Some(Notice::Done("nothing to undo".to_owned()));
                None
            }
        }
    }

    pub(super) fn filter(&self, filter: Filter) -> Option<Effect> {
        (filter != self.ui.filter).then_some(Effect::SetFilter(filter))
    }
}
