//! Texts that people typed, made safe to show on one line.

use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The text with line breaks and control characters replaced, so that it keeps to its line and cannot steer the terminal.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|char| shown(char) != Some(char)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter_map(shown).collect())
}

/// What stands for the character on a line; `None` where nothing does.
pub fn shown(char: char) -> Option<char> {
    match char {
        '\n' | '\u{2028}' | '\u{2029}' => Some('⏎'),
        '\r' => None,
        '\t' => Some(' '),
        // These turn the direction of what follows, also outside the text.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
        char if char.is_control() => Some('\u{fffd}'),
        char => Some(char),
    }
}

/// The beginning of the text that fits into so many columns, on one line; `…` stands for what does not.
pub fn fit(text: &str, columns: usize) -> String {
    let mut fitted = String::new();
    let mut left = columns;
    let mut graphemes = text.graphemes(true).map(one_line).peekable();
    while let Some(grapheme) = graphemes.next() {
        let width = grapheme.width();
        // The last column is kept for the `…` until it is known that nothing follows.
        let needed = if graphemes.peek().is_some() { width + 1 } else { width };
        if needed > left {
            fitted.extend((left > 0).then_some('…'));
            break;
        }
        fitted.push_str(&grapheme);
        left -= width;
    }
    fitted
}

/// The text in lines of at most so many columns, broken between words where that can be.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut wrapped = String::new();
        let mut width = 0;
        for word in line.split_word_bounds().map(one_line) {
            if width > 0 && width + word.width() > columns {
                lines.push(std::mem::take(&mut wrapped));
                width = 0;
                // The space at which a line is broken is not shown.
                if word.trim().is_empty() {
                    continue;
                }
            }
            // Only a word that is longer than a line is broken inside.
            for grapheme in word.graphemes(true) {
                if width > 0 && width + grapheme.width() > columns {
                    lines.push(std::mem::take(&mut wrapped));
                    width = 0;
                }
                wrapped.push_str(grapheme);
                width += grapheme.width();
            }
        }
        lines.push(wrapped);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{fit, one_line, wrap};

    #[test]
    fn a_text_is_wrapped_between_words() {
        assert_eq!(wrap("buy oat milk", 8), ["buy oat ", "milk"]);
        assert_eq!(wrap("buy oat milk", 7), ["buy oat", "milk"]);
        assert_eq!(wrap("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("日", 1), ["日"]);
    }

    #[test]
    fn a_text_is_cut_between_whole_characters() {
        for (text, columns, expected) in [
            ("milk", 4, "milk"),
            ("milk", 3, "mi…"),
            ("milk", 1, "…"),
            ("milk", 0, ""),
            ("", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("ab👩‍👩‍👧", 4, "ab👩‍👩‍👧"),
            ("ab👩‍👩‍👧c", 4, "ab…"),
            ("a\nb", 3, "a⏎b"),
        ] {
            assert_eq!(fit(text, columns), expected, "{text:?} in {columns}");
        }
    }

    #[test]
    fn a_text_keeps_to_its_line_and_cannot_steer_the_terminal() {
        assert_eq!(one_line("plain – 日本 👩‍👩‍👧"), "plain – 日本 👩‍👩‍👧");
        assert_eq!(one_line("a\r\nb\tc"), "a⏎b c");
        assert_eq!(one_line("\x1b[31mred\x07"), "\u{fffd}[31mred\u{fffd}");
        assert_eq!(one_line("\u{202e}cba"), "\u{fffd}cba");
    }
}
