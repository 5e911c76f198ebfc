mod claims;
mod compact;
mod der;
mod keys;

pub use keys::{JwtKeyError, JwtKeys};

use super::token::TokenDigest;
use super::watched::{Watched, WatchedError};
use super::{Access, Authenticator, Authorizer, ConnectInfo, HookFuture, Operation, Principal, Refusal, StorePattern};
use claims::Claims;
use compact::Compact;
use keys::KeySet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How far the clocks of a server and of whoever signs tokens may differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// Signed tokens (JWT): who has the key says who may do what.
///
/// The claims of a token:
///
/// ```json
/// { "sub": "ada", "exp": 1796169600, "stores": ["team-*", "news"], "access": "write" }
/// ```
///
/// - `sub`: the principal's name, 1 to 256 bytes, which is stored beside their events. Required.
/// - `exp`: when the token ends, in seconds since 1970; open connections end with it. Required. 30 s of grace for clocks.
/// - `stores`: store patterns, as in [`StorePattern`]. Required.
/// - `access`: `read` or `write` of them. Required.
/// - `nbf`: not before, where it is there. `iss` and `aud`: as [`JwtAuth::with_issuer`] and [`JwtAuth::with_audience`] ask; a token
///   with an `aud` that is not asked for is refused, as it is for somebody else.
///
/// The key decides the algorithm, and the token's header has to name the same: HS256 for a secret, RS256 for an RSA key, ES256 for a
/// key on P-256. Signatures are verified by ring. The file is read again when it changes, within a second; a connection whose key left
/// it is closed at its next check. To withdraw a single token before its end, put an [`Authorizer`] of your own beside this
/// [`Authenticator`]: see [`Gate::with_hooks`](super::Gate::with_hooks).
///
/// ```
/// use livestore_server::auth::{Gate, JwtAuth, JwtKeys};
/// use livestore_server::limits::ServerLimits;
/// use std::sync::Arc;
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("secret");
/// std::fs::write(&path, "32 random bytes or more, please..")?;
/// let auth = JwtAuth::open(JwtKeys::Secret(path))?.with_issuer("https://accounts.example");
/// let gate = Gate::new(Arc::new(auth), &ServerLimits::default());
/// assert!(gate.has_auth());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JwtAuth {
    file: Watched<KeySet, JwtKeyError>,
    issuer: Option<String>,
    audience: Option<String>,
}

/// Why keys could not be had. Shows nothing of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key file `{}`: {reason}", path.display())]
pub struct JwtFileError {
    path: PathBuf,
    reason: String,
}

/// What a principal of a token holds.
struct Credential {
    stores: Vec<StorePattern>,
    access: Access,
    key: TokenDigest,
}

impl JwtAuth {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// The file does not read, or holds no key of its kind.
    pub fn open(keys: JwtKeys) -> Result<Self, JwtFileError> {
        let (path, parse) = keys.source();
        let file = Watched::open(&path, parse).map_err(|why: WatchedError<JwtKeyError>| why.to_string());
        match file {
            Ok(file) => Ok(Self { file, issuer: None, audience: None }),
            Err(reason) => Err(JwtFileError { path, reason }),
        }
    }

    /// Takes tokens of this issuer only: their `iss` is exactly this.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Takes tokens for this audience only: their `aud` is this or has it.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// For how long the file is believed before it is looked at again; a second unless said otherwise.
    #[must_use]
    pub fn believed_for(self, believed: Duration) -> Self {
        Self { file: self.file.believed_for(believed), ..self }
    }

    fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, &'static str> {
        let token = Compact::parse(token)?;
        let keys = self.file.current();
        let key = keys.select(token.header())?;
        if !key.verifies(token.signed(), token.signature()) {
            return Err("the token's signature is not that of its key");
        }
        // Nothing of the claims is read before the signature has been verified.
        let claims = Claims::parse(token.claims())?;
        claims.check_parties(self.issuer.as_deref(), self.audience.as_deref())?;
        let expires_at = claims.check_time(now, LEEWAY)?;
        let (name, stores, access) = claims.grant()?;
        let credential = Credential { stores, access, key: key.digest() };
        Ok(Principal::named(name).expiring_at(expires_at).with_credential(credential))
    }

    fn check(&self, principal: &Principal, store_id: &str, operation: Operation) -> Result<(), Refusal> {
        let credential = principal.credential::<Credential>();
        let credential = credential.ok_or_else(|| Refusal::unauthenticated("somebody else authenticated them"))?;
        if !self.file.current().holds(&credential.key) {
            return Err(Refusal::unauthenticated("the token's key was withdrawn"));
        }
        if credential.access.allows(operation) && credential.stores.iter().any(|stores| stores.matches(store_id)) {
            return Ok(());
        }
        Err(Refusal::forbidden("the token's claims do not allow it"))
    }
}

impl Authenticator for JwtAuth {
    fn authenticate<'a>(&'a self, connect: &'a ConnectInfo<'a>) -> HookFuture<'a, Result<Principal, Refusal>> {
        let token = connect.token().ok_or("no token");
        let principal = token.and_then(|token| self.verify(token.reveal(), connect.now));
        Box::pin(std::future::ready(principal.map_err(Refusal::unauthenticated)))
    }
}

impl Authorizer for JwtAuth {
    fn authorize<'a>(
        &'a self,
        principal: &'a Principal,
        store_id: &'a str,
        operation: Operation,
    ) -> HookFuture<'a, Result<(), Refusal>> {
        Box::pin(std::future::ready(self.check(principal, store_id, operation)))
    }
}
