/// Why bytes are not a frame of this protocol.
///
/// It names what was wrong and how much of it there was, and quotes at most a few characters of what came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Something has too many bytes.
    #[error("a {what} of {bytes} bytes, at most {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How many bytes it has; of a body that comes in parts, how many came so far.
        bytes: usize,
        /// How many it may have.
        max: usize,
    },
    /// There are too many of something.
    #[error("{count} {what}, at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// Objects and arrays nest too deep.
    #[error("{what} nest deeper than {max} levels, at byte {at}")]
    TooDeep {
        /// Whose.
        what: &'static str,
        /// How deep they may.
        max: usize,
        /// Where the level too many begins.
        at: usize,
    },
    /// The bytes are not UTF-8.
    #[error("no UTF-8 text, from byte {at} on")]
    NotUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// The text is not JSON.
    #[error("no JSON: {reason}")]
    NotJson {
        /// What the parser says, with the place.
        reason: String,
    },
    /// An envelope of no kind that this protocol has.
    #[error("no envelope is called `{tag}`")]
    UnknownEnvelope {
        /// What it is called, cut to a few characters; empty where it has no name.
        tag: String,
    },
    /// An envelope or a message lacks something, or something in it is of another kind than it should be.
    #[error("a malformed {what}: {reason}")]
    Malformed {
        /// The kind of envelope or message.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl DecodeError {
    pub(crate) fn malformed(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { what, reason: excerpt(&reason.to_string()) }
    }
}

/// At most so many characters of a text from outside are quoted.
const EXCERPT_CHARS: usize = 120;

/// The beginning of a text, on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        short.push('…');
    }
    short
}
