mod rules;

pub use rules::{TokenFileError, TokenLineError};

use super::watched::{Watched, WatchedError};
use super::{Authenticator, Authorizer, ConnectInfo, HookFuture, Operation, Principal, Refusal};
use rules::{Credential, Rules};
use std::path::Path;
use std::time::Duration;

/// Tokens in a file: who has one may read or write the stores that its lines name.
///
/// ```text
/// # token                 stores    right  name, for logs and events; by default a few digits of the token's hash
/// 6b1f7c0d9a4e48d2b3c5    team-*    write  team
/// 0e9d2f4ab8c14c6f9d71    *         read   backup
/// anonymous               news      read
/// ```
///
/// A token may have several lines. `anonymous` stands for whoever has no token, and what it may, everybody may. The file is read
/// again when it changes, within a second; one that does not read leaves what was read before, and an error in the log. A connection
/// whose token left the file is closed at its next check.
///
/// Tokens are kept and compared as SHA-256, each with all, so that time tells nothing of them. They should be random and long.
#[derive(Debug)]
pub struct TokenFile {
    file: Watched<Rules, TokenLineError>,
}

impl TokenFile {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// It does not read, or a line is wrong. The error names the line and never shows a token.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TokenFileError> {
        let path = path.as_ref();
        let error = |reason| TokenFileError::new(path, reason);
        Watched::open(path, Rules::parse).map(|file| Self { file }).map_err(|why| match why {
            WatchedError::Parse(line) => TokenFileError::line(path, line),
            why => error(why.to_string()),
        })
    }

    /// Whether the file has no line now, so that nobody can connect.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.file.current().is_empty()
    }

    /// For how long the file is believed before it is looked at again; a second unless said otherwise.
    #[must_use]
    pub fn believed_for(self, believed: Duration) -> Self {
        Self { file: self.file.believed_for(believed) }
    }
}

impl Authenticator for TokenFile {
    fn authenticate<'a>(&'a self, connect: &'a ConnectInfo<'a>) -> HookFuture<'a, Result<Principal, Refusal>> {
        let principal = match connect.token() {
            None => Ok(Principal::anonymous().with_credential(Credential::Anonymous)),
            Some(token) => {
                let found = self.file.current().find(&token.digest());
                found.ok_or_else(|| Refusal::unauthenticated("the token is not in the file"))
            }
        };
        Box::pin(std::future::ready(principal))
    }
}

impl Authorizer for TokenFile {
    fn authorize<'a>(
        &'a self,
        principal: &'a Principal,
        store_id: &'a str,
        operation: Operation,
    ) -> HookFuture<'a, Result<(), Refusal>> {
        let verdict = match principal.credential::<Credential>() {
            Some(credential) => self.file.current().check(credential, store_id, operation),
            None => Err(Refusal::unauthenticated("somebody else authenticated them")),
        };
        Box::pin(std::future::ready(verdict))
    }
}
