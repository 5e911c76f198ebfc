//! Texts that people typed, made safe to show on one line.

use std::borrow::Cow;

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

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_text_keeps_to_its_line_and_cannot_steer_the_terminal() {
        assert_eq!(one_line("plain – 日本 👩‍👩‍👧"), "plain – 日本 👩‍👩‍👧");
        assert_eq!(one_line("a\r\nb\tc"), "a⏎b c");
        assert_eq!(one_line("\x1b[31mred\x07"), "\u{fffd}[31mred\u{fffd}");
        assert_eq!(one_line("\u{202e}cba"), "\u{fffd}cba");
    }
}
