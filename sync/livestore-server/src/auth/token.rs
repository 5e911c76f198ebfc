use ring::digest::{SHA256, digest};
use std::fmt;
use subtle::{Choice, ConstantTimeEq as _};

/// A secret that a client sends to say who it is. Nothing prints it: neither `Debug` nor an error shows more than that it is there.
///
/// ```
/// use livestore_server::auth::Token;
///
/// let token = Token::new("s3cret");
/// assert_eq!(format!("{token:?} {token}"), "Token(…) …");
/// assert_eq!(token.reveal(), "s3cret");
/// ```
#[derive(Clone)]
pub struct Token(Box<str>);

impl Token {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whoever checks it. It belongs in no log, error or name.
    #[must_use]
    pub const fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.0.as_bytes())
    }
}

/// In constant time but for the length.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What is kept of a token: its SHA-256. Compared in constant time.
#[derive(Clone, Copy)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        let digest = digest(&SHA256, secret);
        // SHA-256 has 32 bytes; zip keeps it free of a panic all the same.
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    pub(crate) fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }

    /// A name for the token that tells little of it: 32 bits, which a long random token does not miss.
    pub(crate) fn short(&self) -> String {
        self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_equal_by_what_they_hold() {
        assert_eq!(Token::new("a"), Token::new("a"));
        assert_ne!(Token::new("a"), Token::new("b"));
        assert_ne!(Token::new("a"), Token::new("a\0"));
    }

    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(TokenDigest::of(b"abc").short(), "ba7816bf");
    }
}
