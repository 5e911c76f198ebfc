use super::{Authenticator, Authorizer, ConnectInfo, HookFuture, Operation, Principal, Refusal};
use std::sync::Arc;

/// Several ways to authenticate beside each other: the first that knows somebody also says what they may.
///
/// A way that does not know them passes them on; one that cannot say, or forbids, ends it. What a [`TokenFile`](super::TokenFile)
/// leaves open to `anonymous` is open to who comes without a token, and not to those whom another way knows.
///
/// ```
/// use livestore_server::auth::{FirstOf, Gate, JwtAuth, JwtKeys, TokenFile};
/// use livestore_server::limits::ServerLimits;
/// use std::sync::Arc;
///
/// # let dir = tempfile::tempdir()?;
/// # let (tokens, secret) = (dir.path().join("tokens"), dir.path().join("secret"));
/// # std::fs::write(&tokens, "")?;
/// # std::fs::write(&secret, [7; 32])?;
/// let services = TokenFile::open(tokens)?;
/// let people = JwtAuth::open(JwtKeys::Secret(secret))?;
/// let both = FirstOf::default().or(Arc::new(people)).or(Arc::new(services));
/// let gate = Gate::new(Arc::new(both), &ServerLimits::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct FirstOf {
    ways: Vec<(Arc<dyn Authenticator>, Arc<dyn Authorizer>)>,
}

/// Whom one of the ways knows, as it knows them.
struct Known {
    way: usize,
    principal: Principal,
}

impl FirstOf {
    /// Adds a way, asked after those before.
    #[must_use]
    pub fn or<A: Authenticator + Authorizer>(mut self, way: Arc<A>) -> Self {
        self.ways.push((Arc::clone(&way) as Arc<dyn Authenticator>, way));
        self
    }
}

impl Authenticator for FirstOf {
    fn authenticate<'a>(&'a self, connect: &'a ConnectInfo<'a>) -> HookFuture<'a, Result<Principal, Refusal>> {
        Box::pin(async move {
            let mut reasons = Vec::new();
            for (way, (authenticator, _)) in self.ways.iter().enumerate() {
                match authenticator.authenticate(connect).await {
                    Ok(principal) => return Ok(principal.clone().with_credential(Known { way, principal })),
                    Err(Refusal::Unauthenticated { reason }) => reasons.push(reason),
                    Err(refusal) => return Err(refusal),
                }
            }
            Err(Refusal::unauthenticated(reasons.join("; ")))
        })
    }
}

impl Authorizer for FirstOf {
    fn authorize<'a>(
        &'a self,
        principal: &'a Principal,
        store_id: &'a str,
        operation: Operation,
    ) -> HookFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let known = principal.credential::<Known>();
            let way = known.and_then(|known| Some((self.ways.get(known.way)?, &known.principal)));
            let Some(((_, authorizer), principal)) = way else {
                return Err(Refusal::unauthenticated("somebody else authenticated them"));
            };
            authorizer.authorize(principal, store_id, operation).await
        })
    }
}
