use std::fmt;
use std::str::FromStr;

/// The longest pattern, in bytes: a store id has up to 100.
const PATTERN_LEN_MAX: usize = 200;

/// Which stores a right is for: a store id, in which `*` stands for any run of characters, also none.
///
/// Everything else stands for itself, byte by byte: case matters, and no two spellings are the same.
///
/// ```
/// use livestore_server::auth::StorePattern;
///
/// let pattern: StorePattern = "team-*-notes".parse()?;
/// assert!(pattern.matches("team-red-notes") && pattern.matches("team--notes"));
/// assert!(!pattern.matches("Team-red-notes") && !pattern.matches("team-red-notes-2"));
/// # Ok::<(), livestore_server::auth::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StorePattern(Box<str>);

/// Text that is no store pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is empty.
    #[error("an empty store pattern; `*` stands for all stores")]
    Empty,
    /// It is longer than any store id.
    #[error("a store pattern of {len} bytes, at most {PATTERN_LEN_MAX}")]
    TooLong {
        /// How long it is.
        len: usize,
    },
    /// It has a character that no store id has, and so would never match.
    #[error("`{character}` in a store pattern, where letters, digits, `_`, `-` and `*` may be")]
    Character {
        /// The character, escaped.
        character: String,
    },
}

impl FromStr for StorePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > PATTERN_LEN_MAX {
            return Err(PatternError::TooLong { len: text.len() });
        }
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "_-*".contains(char);
        if let Some(character) = text.chars().find(|char| !is_plain(*char)) {
            return Err(PatternError::Character { character: character.escape_default().to_string() });
        }
        Ok(Self(text.into()))
    }
}

impl StorePattern {
    /// Whether it stands for this store.
    #[must_use]
    pub fn matches(&self, store_id: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = store_id.strip_prefix(first) else { return false };
        let Some(mut part) = parts.next() else { return rest.is_empty() };
        // The leftmost place is right for each part but the last, which has to be at the end.
        for next in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
            part = next;
        }
        rest.ends_with(part)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StorePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for StorePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, store_id: &str) -> bool {
        pattern.parse::<StorePattern>().unwrap().matches(store_id)
    }

    /// The definition, without any cleverness.
    fn model(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| model(rest, &text[at..])),
            Some((byte, rest)) => text.split_first().is_some_and(|(first, text)| first == byte && model(rest, text)),
        }
    }

    #[test]
    fn every_short_pattern_means_what_it_says() {
        let words = |letters: &[u8], len: usize| -> Vec<String> {
            let mut words = vec![String::new()];
            let mut last = words.clone();
            for _ in 0..len {
                last = last
                    .iter()
                    .flat_map(|word| letters.iter().map(move |letter| format!("{word}{}", char::from(*letter))))
                    .collect();
                words.extend(last.iter().cloned());
            }
            words
        };
        let (mut checked, mut matched) = (0, 0);
        for pattern in words(b"ab*", 5).iter().filter(|pattern| !pattern.is_empty()) {
            for text in words(b"ab", 5) {
                let expected = model(pattern.as_bytes(), text.as_bytes());
                assert_eq!(matches(pattern, &text), expected, "{pattern} {text}");
                (checked, matched) = (checked + 1, matched + usize::from(expected));
            }
        }
        assert!(checked > 20_000 && matched > 2_000, "{matched} of {checked}");
    }

    #[test]
    fn a_pattern_without_stars_is_one_store() {
        // Pairs that some file system, database or reader takes for one.
        let names =
            ["a-b", "a_b", "A-b", "a--b", "ab", "ａ-b", "a\u{301}-b", "á-b", "a-b\0", "a-b ", "a-b/", "ſ", "s", "S"];
        for pattern in names.iter().filter(|name| name.parse::<StorePattern>().is_ok()) {
            for name in names {
                assert_eq!(matches(pattern, name), *pattern == name, "{pattern} {name}");
            }
        }
    }

    #[test]
    fn what_could_never_match_is_an_error() {
        let error = |text: &str| text.parse::<StorePattern>().unwrap_err().to_string();
        assert_eq!(error(""), "an empty store pattern; `*` stands for all stores");
        assert_eq!(error("a/b"), "`/` in a store pattern, where letters, digits, `_`, `-` and `*` may be");
        assert!(error("a?").starts_with("`?`"));
        assert!(error("\u{202e}").starts_with(r"`\u{202e}`"));
        assert!(error(&"a".repeat(201)).contains("201 bytes"));
        assert!("a".repeat(200).parse::<StorePattern>().is_ok());
    }

    #[test]
    fn many_stars_cost_little() {
        let pattern = "*a".repeat(100);
        assert!(!matches(&pattern, &"a".repeat(99)));
        assert!(matches(&pattern, &"a".repeat(100)));
    }
}
