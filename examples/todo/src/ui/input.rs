//! A line of text that is being typed.

use crate::text::one_line;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A text and a cursor, which stands between two of its graphemes: what a person sees as characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// In bytes.
    cursor: usize,
}

impl Input {
    /// A text with the cursor at its end.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes what was pasted; line breaks become plain ones.
    pub fn paste(&mut self, pasted: &str) {
        let pasted = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let pasted: String = pasted.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect();
        self.insert(&pasted);
    }

    /// Takes a key; false where the key means nothing here.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        let is_word = is_control || key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Left if is_word => self.cursor = self.word_before(),
            KeyCode::Right if is_word => self.cursor = self.word_after(),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Backspace if is_word => self.delete(self.word_before(), self.cursor),
            KeyCode::Backspace => self.delete(self.before(), self.cursor),
            KeyCode::Delete => self.delete(self.cursor, self.after()),
            KeyCode::Char(letter) if is_control => return self.on_control(letter),
            KeyCode::Char('b') if is_word => self.cursor = self.word_before(),
            KeyCode::Char('f') if is_word => self.cursor = self.word_after(),
            KeyCode::Char(letter) if !is_word => self.insert(letter.encode_utf8(&mut [0; 4])),
            _ => return false,
        }
        true
    }

    /// The keys of a shell's line.
    fn on_control(&mut self, letter: char) -> bool {
        match letter {
            'a' => self.cursor = 0,
            'e' => self.cursor = self.text.len(),
            'b' => self.cursor = self.before(),
            'f' => self.cursor = self.after(),
            'd' => self.delete(self.cursor, self.after()),
            'h' => self.delete(self.before(), self.cursor),
            'w' => self.delete(self.word_before(), self.cursor),
            'u' => self.delete(0, self.cursor),
            'k' => self.delete(self.cursor, self.text.len()),
            _ => return false,
        }
        true
    }

    fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let words = self.text[..self.cursor].split_word_bound_indices().rev();
        words.filter(|(_, word)| !word.trim().is_empty()).map(|(at, _)| at).next().unwrap_or(0)
    }

    fn word_after(&self) -> usize {
        let mut words = self.text[self.cursor..].split_word_bound_indices();
        let word = words.find(|(_, word)| !word.trim().is_empty());
        word.map_or(self.text.len(), |(at, word)| self.cursor + at + word.len())
    }

    /// The part of the text that so many columns show, and the cursor's column in it.
    pub fn window(&self, columns: usize) -> (String, usize) {
        let width = |text: &str| text.graphemes(true).map(|grapheme| one_line(grapheme).width()).sum::<usize>();
        // A column is kept for a cursor behind the last character.
        let room = columns.saturating_sub(1);
        let mut start = 0;
        let mut column = width(&self.text[..self.cursor]);
        for (at, grapheme) in self.text[..self.cursor].grapheme_indices(true) {
            if column <= room {
                break;
            }
            column -= width(grapheme);
            start = at + grapheme.len();
        }
        let mut shown = String::new();
        let mut left = columns;
        for grapheme in self.text[start..].graphemes(true).map(one_line) {
            let Some(rest) = left.checked_sub(grapheme.width()) else { break };
            left = rest;
            shown.push_str(&grapheme);
        }
        (shown, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types into a text, with `|` for the cursor: letters as they are, keys in angle brackets.
    fn typed(before: &str, keys: &str) -> String {
        let cursor = before.find('|').unwrap();
        let mut input = Input { text: before.replace('|', ""), cursor };
        for key in keys.split(' ') {
            let (modifiers, key) = match key.split_once('-') {
                Some(("C", key)) => (KeyModifiers::CONTROL, key),
                Some(("A", key)) => (KeyModifiers::ALT, key),
                _ => (KeyModifiers::NONE, key),
            };
            let code = match key {
                "left" => KeyCode::Left,
                "right" => KeyCode::Right,
                "home" => KeyCode::Home,
                "end" => KeyCode::End,
                "back" => KeyCode::Backspace,
                "del" => KeyCode::Delete,
                letter => KeyCode::Char(letter.chars().next().unwrap()),
            };
            assert!(input.on_key(KeyEvent::new(code, modifiers)), "{key}");
        }
        input.text.insert(input.cursor, '|');
        input.text
    }

    #[test]
    fn letters_go_in_at_the_cursor() {
        assert_eq!(typed("a|c", "b"), "ab|c");
        assert_eq!(typed("|", "日 本"), "日本|");
    }

    #[test]
    fn the_cursor_moves_over_whole_characters() {
        assert_eq!(typed("a👩‍👩‍👧|", "left"), "a|👩‍👩‍👧");
        assert_eq!(typed("|e\u{301}x", "right"), "e\u{301}|x");
        assert_eq!(typed("a👩‍👩‍👧|b", "back"), "a|b");
        assert_eq!(typed("|👩‍👩‍👧b", "del"), "|b");
        assert_eq!(typed("|", "left back del right"), "|");
    }

    #[test]
    fn words_and_ends_have_keys() {
        assert_eq!(typed("buy oat  |milk", "C-left"), "buy |oat  milk");
        assert_eq!(typed("buy| oat milk", "A-right"), "buy oat| milk");
        assert_eq!(typed("buy oat|", "C-w"), "buy |");
        assert_eq!(typed("buy |oat", "C-k"), "buy |");
        assert_eq!(typed("buy |oat", "C-u"), "|oat");
        assert_eq!(typed("buy| oat", "home"), "|buy oat");
        assert_eq!(typed("buy| oat", "C-e"), "buy oat|");
    }

    #[test]
    fn pasted_lines_are_kept_and_control_characters_are_not() {
        let mut input = Input::default();
        input.paste("a\r\nb\rc\x1b[31m");
        assert_eq!(input.text(), "a\nb\nc[31m");
    }

    #[test]
    fn a_long_text_is_shown_around_the_cursor() {
        let check = |before: &str, columns, expected: (&str, usize)| {
            let input = Input { text: before.replace('|', ""), cursor: before.find('|').unwrap() };
            let (shown, column) = input.window(columns);
            assert_eq!((shown.as_str(), column), expected, "{before}");
        };
        check("abc|", 5, ("abc", 3));
        check("abcdef|", 5, ("cdef", 4));
        check("|abcdef", 5, ("abcde", 0));
        check("日本語|", 5, ("本語", 4));
        check("a\nb|", 5, ("a⏎b", 3));
        check("|", 0, ("", 0));
    }
}
