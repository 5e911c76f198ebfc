//! What a key does: pure, but for the model.

use super::model::{Model, Tab};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest search text, in characters.
const SEARCH_CHARS_MAX: usize = 200;

/// What is to be done beside the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Quit,
    /// Read the repository's new commits.
    Refresh,
}

/// Takes a key.
pub(super) fn press(model: &mut Model, key: KeyEvent) -> Action {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    if is_control && matches!(key.code, KeyCode::Char('c')) {
        return Action::Quit;
    }
    if move_selection(model, key.code) {
        return Action::Nothing;
    }
    match key.code {
        KeyCode::Tab => switch(model, model.tab.moved(1)),
        KeyCode::BackTab => switch(model, model.tab.moved(Tab::ALL.len() - 1)),
        code if model.is_typing => type_search(model, code, is_control),
        code if !is_control => return command(model, code),
        _ => {}
    }
    Action::Nothing
}

fn switch(model: &mut Model, tab: Tab) {
    model.tab = tab;
    model.is_typing = false;
}

/// The keys that move also while a search is typed.
fn move_selection(model: &mut Model, code: KeyCode) -> bool {
    let Some(row) = model.selected() else { return false };
    let page = model.page_rows.max(1);
    match code {
        KeyCode::Up => model.select(row.saturating_sub(1)),
        KeyCode::Down => model.select(row + 1),
        KeyCode::PageUp => model.select(row.saturating_sub(page)),
        KeyCode::PageDown => model.select(row + page),
        KeyCode::Home => model.select(0),
        KeyCode::End => model.select(usize::MAX),
        _ => return false,
    }
    true
}

fn type_search(model: &mut Model, code: KeyCode, is_control: bool) {
    let mut text = model.search.clone();
    match code {
        KeyCode::Esc if text.is_empty() => model.is_typing = false,
        KeyCode::Esc => text.clear(),
        KeyCode::Enter => model.is_typing = false,
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char('u') if is_control => text.clear(),
        KeyCode::Char('w') if is_control => {
            let word_start = text.trim_end().rfind(char::is_whitespace).map_or(0, |space| space + 1);
            text.truncate(word_start);
        }
        KeyCode::Char(char) if !is_control && text.chars().count() < SEARCH_CHARS_MAX => text.push(char),
        _ => {}
    }
    if text != model.search {
        model.search_for(text);
    }
}

fn command(model: &mut Model, code: KeyCode) -> Action {
    match code {
        KeyCode::Char('q') => return Action::Quit,
        KeyCode::Esc if model.search.is_empty() || model.tab != Tab::Commits => return Action::Quit,
        KeyCode::Esc => model.search_for(String::new()),
        KeyCode::Char('r') => return Action::Refresh,
        KeyCode::Char('/') => {
            model.tab = Tab::Commits;
            model.is_typing = true;
        }
        KeyCode::Char('j') => drop(move_selection(model, KeyCode::Down)),
        KeyCode::Char('k') => drop(move_selection(model, KeyCode::Up)),
        KeyCode::Char(digit @ '1'..='4') => model.tab = Tab::ALL[digit as usize - '1' as usize],
        KeyCode::Right => model.tab = model.tab.moved(1),
        KeyCode::Left => model.tab = model.tab.moved(Tab::ALL.len() - 1),
        KeyCode::Enter if model.tab == Tab::Authors => {
            let name = model.selected().map(|row| model.authors[row].name.clone());
            name.into_iter().for_each(|name| model.search_for(name));
        }
        _ => {}
    }
    Action::Nothing
}

#[cfg(test)]
mod tests;
