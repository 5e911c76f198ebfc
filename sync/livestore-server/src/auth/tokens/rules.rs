use crate::auth::token::TokenDigest;
use crate::auth::{Access, Operation, PatternError, Principal, Refusal, StorePattern};
use std::path::{Path, PathBuf};

/// What a file calls whoever has no token.
const ANONYMOUS: &str = "anonymous";

/// A token shorter than this can be guessed; said in the log.
const TOKEN_LEN_GOOD: usize = 16;

/// The longest name.
const NAME_LEN_MAX: usize = 100;

/// What is wrong with a line of a token file. Shows nothing of the line: what is no right or no pattern may be a token that stands
/// in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenLineError {
    /// The file is no text.
    #[error("the file is no UTF-8 text")]
    NotText,
    /// It has not three or four fields.
    #[error("line {line} has {fields} fields, not `TOKEN STORES read|write` and perhaps a name")]
    Fields {
        /// The line, from 1.
        line: usize,
        /// How many it has.
        fields: usize,
    },
    /// Its third field is no right.
    #[error("line {line}: the third field is neither `read` nor `write`")]
    Access {
        /// The line, from 1.
        line: usize,
    },
    /// Its second field is no store pattern.
    #[error("line {line}: the second field is no store id, in which `*` may stand for any characters")]
    Pattern {
        /// The line, from 1.
        line: usize,
    },
    /// Its name is too long, or `anonymous` has one.
    #[error("line {line}: the name is longer than {NAME_LEN_MAX} bytes, or names `anonymous`")]
    Name {
        /// The line, from 1.
        line: usize,
    },
    /// Its token has another name in a line before.
    #[error("line {line} names its token otherwise than line {other}")]
    OtherName {
        /// The line, from 1.
        line: usize,
        /// The line before.
        other: usize,
    },
}

/// Why a token file was not taken. Shows no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token file `{}`: {reason}", path.display())]
pub struct TokenFileError {
    path: PathBuf,
    reason: String,
    line: Option<TokenLineError>,
}

impl TokenFileError {
    pub(super) fn new(path: &Path, reason: String) -> Self {
        Self { path: path.to_owned(), reason, line: None }
    }

    pub(super) fn line(path: &Path, line: TokenLineError) -> Self {
        Self { path: path.to_owned(), reason: line.to_string(), line: Some(line) }
    }

    /// What is wrong with a line, when the file could be read.
    #[must_use]
    pub const fn line_error(&self) -> Option<&TokenLineError> {
        self.line.as_ref()
    }
}

/// What a principal of a token file holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    Anonymous,
    Token(TokenDigest),
}

/// What a token file says.
#[derive(Default)]
pub(super) struct Rules {
    anonymous: Vec<Rule>,
    holders: Vec<Holder>,
}

struct Rule {
    stores: StorePattern,
    access: Access,
}

struct Holder {
    digest: TokenDigest,
    name: Option<Box<str>>,
    /// The line that gave the name.
    line: usize,
    rules: Vec<Rule>,
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        self.anonymous.is_empty() && self.holders.is_empty()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenLineError> {
        let text = std::str::from_utf8(bytes).map_err(|_| TokenLineError::NotText)?;
        let mut rules = Self::default();
        let mut places = std::collections::HashMap::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if let Some(line) = Line::parse(line, index + 1)? {
                rules.add(line, &mut places)?;
            }
        }
        Ok(rules)
    }

    /// The places hold tokens for as long as the file is parsed, so that many lines cost little.
    fn add<'a>(
        &mut self,
        line: Line<'a>,
        places: &mut std::collections::HashMap<&'a str, usize>,
    ) -> Result<(), TokenLineError> {
        if line.token == ANONYMOUS {
            self.anonymous.push(line.rule);
            return Ok(());
        }
        let place = *places.entry(line.token).or_insert(self.holders.len());
        let Some(holder) = self.holders.get_mut(place) else {
            if line.token.len() < TOKEN_LEN_GOOD {
                tracing::warn!(line = line.number, "a token of less than {TOKEN_LEN_GOOD} characters can be guessed");
            }
            let digest = TokenDigest::of(line.token.as_bytes());
            self.holders.push(Holder { digest, name: line.name, line: line.number, rules: vec![line.rule] });
            return Ok(());
        };
        holder.rules.push(line.rule);
        match (&holder.name, line.name) {
            (Some(known), Some(name)) if *known != name => {
                Err(TokenLineError::OtherName { line: line.number, other: holder.line })
            }
            (None, Some(name)) => {
                (holder.name, holder.line) = (Some(name), line.number);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Who has this token. Looks at every line, whichever it is.
    pub(super) fn find(&self, digest: &TokenDigest) -> Option<Principal> {
        let mut found = None;
        for holder in &self.holders {
            if holder.digest.ct_eq(digest).into() {
                found = Some(holder);
            }
        }
        found.map(|holder| {
            let name = holder.name.clone().unwrap_or_else(|| format!("token-{}", digest.short()).into());
            Principal::named(name).with_credential(Credential::Token(holder.digest))
        })
    }

    /// Whether somebody may, by the lines that there are now.
    pub(super) fn check(&self, who: &Credential, store_id: &str, operation: Operation) -> Result<(), Refusal> {
        let may =
            |rules: &[Rule]| rules.iter().any(|rule| rule.access.allows(operation) && rule.stores.matches(store_id));
        match who {
            Credential::Anonymous if may(&self.anonymous) => Ok(()),
            Credential::Anonymous => Err(Refusal::unauthenticated("no token, and `anonymous` may not")),
            Credential::Token(digest) => {
                let holder = self.holders.iter().find(|holder| holder.digest == *digest);
                let holder = holder.ok_or_else(|| Refusal::unauthenticated("the token is no longer in the file"))?;
                if may(&holder.rules) || may(&self.anonymous) {
                    return Ok(());
                }
                Err(Refusal::forbidden("no line of the token allows it"))
            }
        }
    }
}

struct Line<'a> {
    number: usize,
    token: &'a str,
    rule: Rule,
    name: Option<Box<str>>,
}

impl<'a> Line<'a> {
    /// `None` for a line that says nothing.
    fn parse(line: &'a str, number: usize) -> Result<Option<Self>, TokenLineError> {
        if line.trim_start().starts_with('#') {
            return Ok(None);
        }
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (token, stores, access, rest) = match fields.as_slice() {
            [] => return Ok(None),
            [token, stores, access, rest @ ..] => (*token, *stores, *access, rest),
            _ => return Err(TokenLineError::Fields { line: number, fields: fields.len() }),
        };
        let access = Access::from_name(access).ok_or(TokenLineError::Access { line: number })?;
        let stores = stores.parse().map_err(|_: PatternError| TokenLineError::Pattern { line: number })?;
        let name = match rest {
            [] => None,
            [comment, ..] if comment.starts_with('#') => None,
            [name] => Some(*name),
            [name, comment, ..] if comment.starts_with('#') => Some(*name),
            _ => return Err(TokenLineError::Fields { line: number, fields: fields.len() }),
        };
        if name.is_some_and(|name| name.len() > NAME_LEN_MAX || token == ANONYMOUS) {
            return Err(TokenLineError::Name { line: number });
        }
        Ok(Some(Self { number, token, rule: Rule { stores, access }, name: name.map(Into::into) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Rules::parse(text.as_bytes()).err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn digest(token: &str) -> TokenDigest {
        TokenDigest::of(token.as_bytes())
    }

    #[test]
    fn a_wrong_line_is_named_and_not_shown() {
        for (text, said) in [
            ("CANARY", "line 1 has 1 fields"),
            ("\n# a\nCANARY s", "line 3 has 2 fields"),
            ("read s CANARY", "line 1: the third field"),
            ("CANARY s Write", "line 1: the third field"),
            ("s CAN/ARY read", "line 1: the second field"),
            ("CANARY s read a b", "line 1 has 5 fields"),
            ("CANARY s read a\nCANARY t read b", "line 2 names its token otherwise than line 1"),
            ("anonymous s read CANARY", "line 1: the name"),
        ] {
            let error = error(text);
            assert!(error.starts_with(said), "{text}: {error}");
            assert!(!error.contains("CAN"), "{error}");
        }
        assert_eq!(Rules::parse(b"\xff").err(), Some(TokenLineError::NotText));
        assert!(error(&format!("t s read {}", "n".repeat(101))).contains("the name"));
        assert_eq!(error(&format!("t s read {}", "n".repeat(100))), "");
    }

    #[test]
    fn a_file_says_who_may_what() {
        let text = "\u{feff}# tokens\r\n\r\n a1 team-* write ada # her laptop\r\na1 news read\r\nb2 * read#\n";
        assert!(error(text).starts_with("line 5: the third"), "a comment stands apart");
        let rules = Rules::parse(text.replace("read#", "read # all").as_bytes()).unwrap();
        let ada = rules.find(&digest("a1")).unwrap();
        assert_eq!(ada.name(), Some("ada"));
        let other = rules.find(&digest("b2")).unwrap();
        assert_eq!(other.name(), Some(format!("token-{}", digest("b2").short()).as_str()));
        assert!(rules.find(&digest("a2")).is_none() && rules.find(&digest("anonymous")).is_none());
        let may = |principal: &Principal, store: &str, operation| {
            rules.check(principal.credential().unwrap(), store, operation).is_ok()
        };
        assert!(may(&ada, "team-1", Operation::Write) && may(&ada, "team-1", Operation::Read));
        assert!(may(&ada, "news", Operation::Read) && !may(&ada, "news", Operation::Write));
        assert!(!may(&ada, "Team-1", Operation::Read) && !may(&ada, "team-1", Operation::Admin));
        assert!(may(&other, "anything", Operation::Read) && !may(&other, "anything", Operation::Write));
    }

    #[test]
    fn what_is_open_to_all_is_open_to_holders() {
        let rules = Rules::parse(b"anonymous news read\nt s write\n").unwrap();
        let holder = Credential::Token(digest("t"));
        assert_eq!(rules.check(&Credential::Anonymous, "news", Operation::Read), Ok(()));
        assert_eq!(rules.check(&holder, "news", Operation::Read), Ok(()));
        let refused = |who, store, operation| rules.check(who, store, operation).unwrap_err().public().0;
        assert_eq!(refused(&Credential::Anonymous, "news", Operation::Write), 401);
        assert_eq!(refused(&Credential::Anonymous, "s", Operation::Read), 401);
        assert_eq!(refused(&holder, "news", Operation::Write), 403);
        let gone = Credential::Token(digest("gone"));
        assert_eq!(refused(&gone, "news", Operation::Read), 401, "a withdrawn token is worth less than none");
    }
}
