//! Keys: what each does to the screen, and what it asks of the store.

#[cfg(test)]
mod tests;

use super::app::{App, Effect, Mode, Notice};
use super::change::Change;
use super::input::Input;
use crate::schema::{Filter, Todo};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The keys of the list, for the help: key, what it does.
pub const KEYS: [(&str, &str); 17] = [
    ("a", "add todos, one after the other"),
    ("space", "done, or open again"),
    ("e", "edit the text"),
    ("enter", "show the whole text"),
    ("d", "delete"),
    ("D", "delete the done ones that are listed"),
    ("u", "undo the last change"),
    ("/", "search; esc ends the search"),
    ("f", "next filter: all, open, done"),
    ("1 2 3", "all, open, done"),
    ("l", "show or hide the eventlog"),
    ("r", "try the sync backend again now"),
    ("↑ ↓ k j", "move"),
    ("pgup pgdn", "move by a page"),
    ("g G", "to the first, to the last"),
    ("?", "this help"),
    ("q ctrl-c", "quit"),
];

impl App {
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Effect> {
        if is_control(key, 'c') {
            return Some(Effect::Quit);
        }
        match std::mem::take(&mut self.mode) {
            Mode::List => self.on_list_key(key),
            Mode::Add(input) => self.on_add_key(key, input),
            Mode::Edit { id, input } => self.on_edit_key(key, id, input),
            Mode::Search(input) => self.on_search_key(key, input),
            Mode::Help(scroll) => {
                self.mode = scrolled(key, scroll).map_or(Mode::List, Mode::Help);
                None
            }
            Mode::Details(scroll) => self.on_details_key(key, scroll),
        }
    }

    pub fn on_paste(&mut self, text: &str) -> Option<Effect> {
        match &mut self.mode {
            Mode::Add(input) | Mode::Edit { input, .. } => {
                input.paste(text);
                None
            }
            Mode::Search(input) => {
                input.paste(text);
                Some(Effect::Search(input.text().to_owned()))
            }
            // Into the list: a new todo, which enter adds.
            Mode::List => {
                let mut input = Input::default();
                input.paste(text);
                self.mode = Mode::Add(input);
                None
            }
            Mode::Help(_) | Mode::Details(_) => None,
        }
    }

    fn on_list_key(&mut self, key: KeyEvent) -> Option<Effect> {
        if self.on_move_key(key) {
            return None;
        }
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return None;
        }
        self.notice = None;
        match key.code {
            KeyCode::Char('q') => return Some(Effect::Quit),
            KeyCode::Char('a' | 'n') => self.mode = Mode::Add(Input::default()),
            KeyCode::Char(' ' | 'x') => return self.selected().map(Change::toggle).map(Effect::Commit),
            KeyCode::Char('d') | KeyCode::Delete => return self.selected().map(Change::delete).map(Effect::Commit),
            KeyCode::Char('D') => return self.delete_done(),
            KeyCode::Char('u') => return self.undo(),
            KeyCode::Char('e' | 'i') => self.edit(),
            KeyCode::Enter if self.selected().is_some() => self.mode = Mode::Details(0),
            KeyCode::Char('/') => self.mode = Mode::Search(Input::new(self.search.clone())),
            KeyCode::Char('f') | KeyCode::Tab => return self.filter(self.ui.filter.next()),
            KeyCode::Char('1') => return self.filter(Filter::All),
            KeyCode::Char('2') => return self.filter(Filter::Open),
            KeyCode::Char('3') => return self.filter(Filter::Done),
            KeyCode::Char('l') => return Some(Effect::ShowEventlog(!self.ui.shows_eventlog)),
            KeyCode::Char('r') => return Some(Effect::Retry),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.mode = Mode::Help(0),
            KeyCode::Esc if !self.search.is_empty() => return Some(Effect::Search(String::new())),
            _ => {}
        }
        None
    }

    fn on_move_key(&mut self, key: KeyEvent) -> bool {
        let page = self.rows.max(2) - 1;
        let target = match key.code {
            KeyCode::Char('d' | 'f') if key.modifiers == KeyModifiers::CONTROL => self.selected + page,
            KeyCode::Char('u' | 'b') if key.modifiers == KeyModifiers::CONTROL => self.selected.saturating_sub(page),
            KeyCode::Char(_) if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => return false,
            KeyCode::Down | KeyCode::Char('j') => self.selected + 1,
            KeyCode::Up | KeyCode::Char('k') => self.selected.saturating_sub(1),
            KeyCode::PageDown => self.selected + page,
            KeyCode::PageUp => self.selected.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => usize::MAX,
            _ => return false,
        };
        self.select(target);
        true
    }

    fn on_add_key(&mut self, key: KeyEvent, mut input: Input) -> Option<Effect> {
        match key.code {
            KeyCode::Esc => return None,
            // An empty line says that there is no more to add.
            KeyCode::Enter => {
                let created = Todo::create(input.text())?;
                self.mode = Mode::Add(Input::default());
                return Some(Effect::Commit(Change::add(created)));
            }
            _ => input.on_key(key),
        };
        self.mode = Mode::Add(input);
        None
    }

    fn edit(&mut self) {
        if let Some(todo) = self.selected() {
            self.mode = Mode::Edit { id: todo.id.clone(), input: Input::new(todo.text.clone()) };
        }
    }

    fn on_edit_key(&mut self, key: KeyEvent, id: String, mut input: Input) -> Option<Effect> {
        match key.code {
            KeyCode::Esc => return None,
            KeyCode::Enter if input.text().trim().is_empty() => {
                self.notice = Some(Notice::Failed("a todo needs a text; esc leaves it as it was".to_owned()));
            }
            KeyCode::Enter => {
                let todo = self.todos.iter().find(|todo| todo.id == id);
                let changed = todo.filter(|todo| todo.text != input.text());
                return changed.map(|todo| Effect::Commit(Change::edit(todo, input.text().to_owned())));
            }
            _ => {
                input.on_key(key);
            }
        }
        self.mode = Mode::Edit { id, input };
        None
    }

    /// The list follows the text while it is typed.
    fn on_search_key(&mut self, key: KeyEvent, mut input: Input) -> Option<Effect> {
        match key.code {
            KeyCode::Esc => return Some(Effect::Search(String::new())),
            KeyCode::Enter => return None,
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                self.on_move_key(key);
            }
            _ => {
                input.on_key(key);
            }
        }
        let is_changed = input.text() != self.search;
        let search = is_changed.then(|| Effect::Search(input.text().to_owned()));
        self.mode = Mode::Search(input);
        search
    }

    fn on_details_key(&mut self, key: KeyEvent, scroll: u16) -> Option<Effect> {
        match key.code {
            KeyCode::Char('e') => self.edit(),
            _ => self.mode = scrolled(key, scroll).map_or(Mode::List, Mode::Details),
        }
        None
    }

    fn delete_done(&mut self) -> Option<Effect> {
        let change = Change::delete_done(&self.todos);
        if change.is_none() {
            self.notice = Some(Notice::Done("no done todo is listed".to_owned()));
        }
        change.map(Effect::Commit)
    }
}

impl Filter {
    fn next(self) -> Self {
        match self {
            Self::All => Self::Open,
            Self::Open => Self::Done,
            Self::Done => Self::All,
        }
    }
}

fn is_control(key: KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}

/// Where a window of text is scrolled to; `None` where the key closes it. The window itself stops at its end.
fn scrolled(key: KeyEvent, scroll: u16) -> Option<u16> {
    match key.code {
        KeyCode::Down | KeyCode::Char('j') => Some(scroll.saturating_add(1)),
        KeyCode::Up | KeyCode::Char('k') => Some(scroll.saturating_sub(1)),
        KeyCode::PageDown | KeyCode::Char(' ') => Some(scroll.saturating_add(5)),
        KeyCode::PageUp => Some(scroll.saturating_sub(5)),
        KeyCode::Home | KeyCode::Char('g') => Some(0),
        KeyCode::End | KeyCode::Char('G') => Some(u16::MAX),
        _ => None,
    }
}
