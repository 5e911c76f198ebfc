use super::*;
use crate::schema::Author;
use std::sync::Arc;

/// Presses keys, written as words: a word of one character is that character.
fn type_keys(model: &mut Model, keys: &str) -> Action {
    let mut last = Action::Nothing;
    for key in keys.split(' ') {
        let (modifiers, name) =
            key.strip_prefix("C-").map_or((KeyModifiers::NONE, key), |it| (KeyModifiers::CONTROL, it));
        let code = match name {
            "Tab" => KeyCode::Tab,
            "BackTab" => KeyCode::BackTab,
            "Enter" => KeyCode::Enter,
            "Esc" => KeyCode::Esc,
            "Back" => KeyCode::Backspace,
            "Down" => KeyCode::Down,
            "PgDn" => KeyCode::PageDown,
            "End" => KeyCode::End,
            "Space" => KeyCode::Char(' '),
            name => KeyCode::Char(name.chars().next().unwrap()),
        };
        last = press(model, KeyEvent::new(code, modifiers));
    }
    last
}

fn model() -> Model {
    let authors = ["Ann Lee", "Bo", "Cy"].map(|name| Author { name: name.into(), commits: 1, added: 0, deleted: 0 });
    Model { authors: Arc::new(authors.to_vec()), page_rows: 2, ..Model::default() }
}

#[test]
fn tabs_go_around_and_have_numbers() {
    let mut model = model();
    for (keys, tab) in [("Tab", Tab::Commits), ("4", Tab::Files), ("Tab", Tab::Overview), ("BackTab", Tab::Files)] {
        type_keys(&mut model, keys);
        assert_eq!(model.tab, tab, "{keys}");
    }
}

#[test]
fn letters_are_text_while_a_search_is_typed() {
    let mut model = model();
    assert_eq!(type_keys(&mut model, "/ q r Space 1 x Back"), Action::Nothing);
    assert_eq!((model.search.as_str(), model.tab, model.is_typing), ("qr 1", Tab::Commits, true));
    type_keys(&mut model, "C-w");
    assert_eq!(model.search, "qr ");
    type_keys(&mut model, "C-u");
    assert_eq!(model.search, "");
}

#[test]
fn escape_clears_then_leaves_then_ends() {
    let mut model = model();
    type_keys(&mut model, "/ a Esc");
    assert_eq!((model.search.as_str(), model.is_typing), ("", true));
    assert_eq!(type_keys(&mut model, "Esc"), Action::Nothing);
    assert!(!model.is_typing);
    assert_eq!(type_keys(&mut model, "Esc"), Action::Quit);
    type_keys(&mut model, "/ a Enter");
    assert_eq!(type_keys(&mut model, "Esc"), Action::Nothing);
    assert_eq!((model.search.as_str(), model.tab), ("", Tab::Commits));
    assert_eq!(type_keys(&mut model, "q"), Action::Quit);
}

#[test]
fn the_selection_stays_in_the_list() {
    let mut model = model();
    model.tab = Tab::Authors;
    for (keys, row) in [("Down", 1), ("PgDn", 2), ("j", 2), ("k", 1), ("End", 2)] {
        type_keys(&mut model, keys);
        assert_eq!(model.selected(), Some(row), "{keys}");
    }
    model.authors = Arc::default();
    assert_eq!(model.selected(), None);
    type_keys(&mut model, "Down Enter");
}

#[test]
fn enter_at_an_author_searches_for_the_name() {
    let mut model = model();
    type_keys(&mut model, "3 Enter");
    assert_eq!((model.search.as_str(), model.tab), ("Ann Lee", Tab::Commits));
}

#[test]
fn control_c_ends_always() {
    let mut model = model();
    assert_eq!(type_keys(&mut model, "/ a C-c"), Action::Quit);
    assert_eq!(type_keys(&mut model, "Esc Esc r"), Action::Refresh);
}
