use super::*;
use crate::schema::Todos;
use livestore::{Store, memory};
use std::sync::Arc;

/// A screen without a terminal: keys go to the state, its effects to a store, and the store's results back.
struct Screen {
    app: App,
    store: Store<Todos>,
}

impl Screen {
    fn new(texts: &[&str]) -> Self {
        let mut screen = Self { app: App::default(), store: Store::open(memory(), "todos").unwrap() };
        screen.app.rows = 5;
        for text in texts {
            screen.press(&format!("a {text} enter esc"));
        }
        screen.press("g");
        screen
    }

    /// Presses keys: names between spaces, other words letter by letter.
    fn press(&mut self, keys: &str) -> &mut Self {
        for word in keys.split(' ') {
            let code = match word {
                "enter" => KeyCode::Enter,
                "esc" => KeyCode::Esc,
                "space" => KeyCode::Char(' '),
                "back" => KeyCode::Backspace,
                "up" => KeyCode::Up,
                "down" => KeyCode::Down,
                "pgdn" => KeyCode::PageDown,
                word => {
                    word.chars().for_each(|letter| self.key(KeyCode::Char(letter), KeyModifiers::NONE));
                    continue;
                }
            };
            self.key(code, KeyModifiers::NONE);
        }
        self
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        if let Some(effect) = self.app.on_key(KeyEvent::new(code, modifiers)) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Commit(change) => {
                self.store.commit(change.events.clone()).unwrap();
                self.app.committed(change);
            }
            Effect::Undo(change) => {
                self.store.commit(change.compensation.clone()).unwrap();
                self.app.undone(change);
            }
            Effect::SetFilter(filter) => self.app.ui.filter = filter,
            Effect::ShowEventlog(shows_eventlog) => self.app.ui.shows_eventlog = shows_eventlog,
            Effect::Search(text) => self.app.search = text,
            Effect::Retry => assert!(!self.store.wait_synced(std::time::Duration::ZERO)),
            Effect::Quit => panic!("nobody asked to quit"),
        }
        let mut todos = self.store.query(&Todo::filtered(self.app.ui.filter)).unwrap();
        todos.retain(|todo| todo.text.contains(&self.app.search));
        self.app.set_todos(Arc::new(todos));
    }

    /// The list as text: done ones in brackets, `>` at the selected one.
    fn list(&self) -> String {
        let shown = |(index, todo): (usize, &Todo)| {
            let text = if todo.completed { format!("[{}]", todo.text) } else { todo.text.clone() };
            if index == self.app.selected { format!(">{text}") } else { text }
        };
        self.app.todos.iter().enumerate().map(shown).collect::<Vec<_>>().join(" ")
    }

    fn notice(&self) -> &str {
        match &self.app.notice {
            Some(Notice::Done(text) | Notice::Failed(text)) => text,
            None => "",
        }
    }
}

/// Presses keys on a list of three.
#[track_caller]
fn check(keys: &str, expected: &str) {
    assert_eq!(Screen::new(&["milk", "bread", "tea"]).press(keys).list(), expected, "{keys}");
}

#[test]
fn todos_are_added_one_after_the_other_and_the_new_one_is_selected() {
    check("a jam enter nuts enter esc", "milk bread tea jam >nuts");
    check("a jam esc", ">milk bread tea");
    check("a enter j", "milk >bread tea");
}

#[test]
fn todos_are_toggled_edited_and_deleted() {
    check("space", ">[milk] bread tea");
    check("space x", ">milk bread tea");
    check("j e back back k enter", "milk >brek tea");
    check("e ! esc", ">milk bread tea");
    check("j d", "milk >tea");
    check("G d", "milk >bread");
    check("d d d d d", "");
}

#[test]
fn the_selection_moves_and_stops_at_the_ends() {
    check("j j", "milk bread >tea");
    check("j j j j", "milk bread >tea");
    check("G k", "milk >bread tea");
    check("up down down", "milk bread >tea");
    check("pgdn", "milk bread >tea");
    check("G g", ">milk bread tea");
}

#[test]
fn every_change_is_undone_in_reverse() {
    check("space u", ">milk bread tea");
    check("j d u", "milk >bread tea");
    check("e ! enter u", ">milk bread tea");
    check("a jam enter esc u", "milk bread >tea");
    check("space j d u u", ">milk bread tea");
    check("space G space D u", "[milk] >bread [tea]");
}

#[test]
fn undoing_commits_an_event_and_deletes_none() {
    let mut screen = Screen::new(&["milk"]);
    screen.press("d u");
    assert_eq!(screen.notice(), "undone: delete “milk”");
    // The third event has the number e3: nothing was taken from the eventlog.
    assert_eq!(screen.store.status().local_head.to_string(), "e3");
}

#[test]
fn with_nothing_to_undo_it_says_so() {
    let mut screen = Screen { app: App::default(), store: Store::open(memory(), "todos").unwrap() };
    assert_eq!(screen.press("u").notice(), "nothing to undo");
}

#[test]
fn filters_and_search_narrow_the_list_and_keep_the_selected_todo() {
    check("j space 2", "milk >tea");
    check("j space 3", ">[bread]");
    check("j space f f f", "milk >[bread] tea");
    check("G / t", ">tea");
    check("G / t esc", "milk bread >tea");
    check("/ ea enter j", "bread >tea");
    check("/ ea enter esc", "milk >bread tea");
    // Done under the open ones: it leaves the list, and its neighbour is selected.
    check("2 j space", "milk >tea");
}

#[test]
fn an_edit_to_a_blank_text_is_refused_and_the_line_stays() {
    let mut screen = Screen::new(&["ab"]);
    screen.press("e back back space enter");
    assert!(screen.notice().contains("needs a text"));
    assert!(matches!(screen.app.mode, Mode::Edit { .. }));
    assert_eq!(screen.press("esc").list(), ">ab");
}

#[test]
fn deleting_done_todos_without_any_says_so() {
    let mut screen = Screen::new(&["milk"]);
    assert_eq!(screen.press("D").notice(), "no done todo is listed");
    assert_eq!(screen.list(), ">milk");
}

#[test]
fn letters_are_text_while_typing() {
    check("a qdu? enter esc", "milk bread tea >qdu?");
}

#[test]
fn ctrl_c_quits_everywhere() {
    for keys in ["", "a x", "e", "/ x", "?", "enter"] {
        let mut screen = Screen::new(&["milk"]);
        screen.press(keys);
        let quit = screen.app.on_key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(quit, Some(Effect::Quit), "{keys}");
    }
}

#[test]
fn what_is_pasted_into_the_list_becomes_a_line_to_add() {
    let mut screen = Screen::new(&["milk"]);
    screen.app.on_paste("two\r\nlines");
    screen.press("enter esc");
    assert_eq!(screen.app.todos[1].text, "two\nlines");
}

#[test]
fn a_change_that_could_not_be_undone_can_be_undone_later() {
    let mut screen = Screen::new(&["milk"]);
    let Some(Effect::Undo(change)) = screen.app.on_key(KeyEvent::from(KeyCode::Char('u'))) else { panic!("no undo") };
    screen.app.not_undone(change.clone(), "the disk is full");
    assert_eq!(screen.notice(), "the disk is full");
    assert_eq!(screen.app.on_key(KeyEvent::from(KeyCode::Char('u'))), Some(Effect::Undo(change)));
}
