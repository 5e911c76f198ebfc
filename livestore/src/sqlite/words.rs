//! What only the text of a statement tells.

/// Whether the text asks for `OR ROLLBACK`, which would end the savepoints that undo relies on, or `OR FAIL`, which keeps
/// what was done before the conflict. SQLite tells nobody, so the text is read: words outside strings, quoted names and
/// comments.
pub(super) fn asks_on_conflict(sql: &str, answer: &str) -> bool {
    let mut previous_is_or = false;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '\'' | '"' | '`' => 1 + rest[1..].find(first).map_or(rest.len() - 1, |end| end + 1),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            '-' if rest.starts_with("--") => rest.find('\n').map_or(rest.len(), |end| end + 1),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            char if char.is_alphanumeric() || char == '_' => {
                let end = rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len());
                let word = &rest[..end];
                if previous_is_or && word.eq_ignore_ascii_case(answer) {
                    return true;
                }
                previous_is_or = word.eq_ignore_ascii_case("or");
                end
            }
            char => char.len_utf8(),
        };
        rest = &rest[skipped..];
    }
    false
}
