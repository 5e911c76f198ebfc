use super::{Authenticator, Authorizer, ConnectInfo, EventValidator, EventVerdict, Operation, Principal, Refusal};
use crate::limits::ServerLimits;
use crate::metrics::METRICS;
use futures_util::FutureExt as _;
use livestore_sync_protocol::Event;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// The longest reason of a rejected event that is sent to its client, in bytes.
const REASON_LEN_MAX: usize = 1_024;

/// The one way in: every connection of every transport is let in, watched and judged here.
///
/// ```
/// use livestore_server::auth::{ConnectInfo, Gate, Operation, RequestHeaders, TokenFile};
/// use livestore_server::limits::ServerLimits;
/// use std::{sync::Arc, time::SystemTime};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("tokens");
/// std::fs::write(&path, "s3cret-of-the-team team-* write\nanonymous news read\n")?;
/// let gate = Gate::new(Arc::new(TokenFile::open(&path)?), &ServerLimits::default());
///
/// let headers = RequestHeaders::new([("authorization", "Bearer s3cret-of-the-team")]);
/// let connect = ConnectInfo::new("team-red", None, &headers, [127, 0, 0, 1].into(), SystemTime::now())?;
/// let mut pass = gate.enter(&connect).await?;
/// gate.check(&mut pass, Operation::Write, SystemTime::now()).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gate {
    hooks: Option<(Arc<dyn Authenticator>, Arc<dyn Authorizer>)>,
    validator: Option<Arc<dyn EventValidator>>,
    hook_max: Duration,
    recheck_after: Duration,
    rechecks: Arc<watch::Sender<u64>>,
}

/// What a connection holds while it is let in: who it is, and the one store that it is for.
#[derive(Clone, Debug)]
pub struct Pass {
    principal: Principal,
    store_id: Box<str>,
    checked_at: SystemTime,
    recheck_after: Duration,
}

/// An event of a push that its validator rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedEvent {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// The number that it was pushed with.
    pub number: u64,
    /// Why, cut to a length that fits a frame.
    pub reason: String,
}

impl Gate {
    /// With something that says who somebody is and what they may do: a [`TokenFile`](super::TokenFile),
    /// a [`JwtAuth`](super::JwtAuth).
    #[must_use]
    pub fn new<A: Authenticator + Authorizer>(auth: Arc<A>, limits: &ServerLimits) -> Self {
        Self::with_hooks(Arc::clone(&auth) as Arc<dyn Authenticator>, auth, limits)
    }

    /// With one hook that says who somebody is and another that says what they may do.
    #[must_use]
    pub fn with_hooks(
        authenticator: Arc<dyn Authenticator>,
        authorizer: Arc<dyn Authorizer>,
        limits: &ServerLimits,
    ) -> Self {
        Self { hooks: Some((authenticator, authorizer)), ..Self::without_auth(limits) }
    }

    /// Lets everybody in, as nobody. Such a server is for its own machine: see [`check_bind`](super::check_bind).
    #[must_use]
    pub fn without_auth(limits: &ServerLimits) -> Self {
        Self {
            hooks: None,
            validator: None,
            hook_max: limits.request_max,
            recheck_after: limits.recheck_after,
            rechecks: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Judges events too.
    #[must_use]
    pub fn with_validator(mut self, validator: Arc<dyn EventValidator>) -> Self {
        self.validator = Some(validator);
        self
    }

    /// Whether somebody is asked who they are.
    #[must_use]
    pub const fn has_auth(&self) -> bool {
        self.hooks.is_some()
    }

    /// Lets somebody in who may read the store. Nothing of the store is looked at before or for this, so that a store that does
    /// not exist and one that is not theirs are answered alike, and as fast.
    ///
    /// # Errors
    ///
    /// They are not let in. Tell them [`Refusal::public`].
    pub async fn enter(&self, connect: &ConnectInfo<'_>) -> Result<Pass, Refusal> {
        let principal = match &self.hooks {
            Some((authenticator, _)) => self.ask(async { authenticator.authenticate(connect).await }).await,
            None => Ok(Principal::anonymous()),
        };
        // A hook of somebody else's may have put the token into its reason.
        let hide = |refusal: Refusal| match connect.token() {
            Some(token) => refusal.map_reason(|reason| reason.replace(token.reveal(), "…")),
            None => refusal,
        };
        let mut pass = Pass {
            principal: principal.map_err(hide)?,
            store_id: connect.store_id.into(),
            checked_at: connect.now,
            recheck_after: self.recheck_after,
        };
        self.checked(&mut pass, Operation::Read, connect.now).await.map_err(hide)?;
        Ok(pass)
    }

    /// Whether somebody who was let in may do something now. Asked with [`Operation::Write`] at each push, and with
    /// [`Operation::Read`] when [`Pass::check_at`] comes or [`Gate::rechecks`] changes.
    ///
    /// # Errors
    ///
    /// They may not. When it was about reading, close the connection: their credential ended or their right was withdrawn.
    pub async fn check(&self, pass: &mut Pass, operation: Operation, now: SystemTime) -> Result<(), Refusal> {
        let checked = self.checked(pass, operation, now).await;
        checked.inspect_err(|refusal| METRICS.refused(refusal))
    }

    async fn checked(&self, pass: &mut Pass, operation: Operation, now: SystemTime) -> Result<(), Refusal> {
        if pass.principal.has_expired(now) {
            return Err(Refusal::unauthenticated("the credential has expired"));
        }
        if let Some((_, authorizer)) = &self.hooks {
            self.ask(async { authorizer.authorize(&pass.principal, &pass.store_id, operation).await }).await?;
        }
        if operation == Operation::Read {
            pass.checked_at = now;
        }
        Ok(())
    }

    /// Judges the events of a push, in order, up to the first that is rejected.
    ///
    /// # Errors
    ///
    /// No verdict can be had now; nothing of the push may be taken.
    pub async fn validate(&self, pass: &Pass, batch: &[Event]) -> Result<Option<RejectedEvent>, Refusal> {
        let Some(validator) = &self.validator else { return Ok(None) };
        self.ask(async {
            for (index, event) in batch.iter().enumerate() {
                match validator.validate(&pass.principal, &pass.store_id, event).await? {
                    EventVerdict::Accept => {}
                    EventVerdict::Reject { reason } => {
                        METRICS.rejected();
                        return Ok(Some(RejectedEvent { index, number: event.number, reason: cut(reason) }));
                    }
                }
            }
            Ok(None)
        })
        .await
    }

    /// Makes every open connection ask for its rights again, at once: for who withdraws one and cannot wait.
    pub fn recheck_all(&self) {
        self.rechecks.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes at each [`Gate::recheck_all`].
    #[must_use]
    pub fn rechecks(&self) -> watch::Receiver<u64> {
        self.rechecks.subscribe()
    }

    /// A hook that does not answer says no, and one that panics too.
    async fn ask<T>(&self, answer: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        match tokio::time::timeout(self.hook_max, AssertUnwindSafe(answer).catch_unwind()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::error!("a hook panicked");
                Err(Refusal::unavailable("a hook panicked"))
            }
            Err(_) => Err(Refusal::unavailable(format!("no answer within {:?}", self.hook_max))),
        }
    }
}

impl Pass {
    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The store that it is for. Frames that name another are refused.
    #[must_use]
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// When to ask for the right to read again, at the latest.
    #[must_use]
    pub fn check_at(&self) -> SystemTime {
        let again = self.checked_at + self.recheck_after;
        self.principal.expires_at().map_or(again, |expires_at| again.min(expires_at))
    }

    /// Whether that moment has come; also when the clock was set back, as nobody knows then.
    #[must_use]
    pub fn is_check_due(&self, now: SystemTime) -> bool {
        now >= self.check_at() || now < self.checked_at
    }
}

fn cut(mut reason: String) -> String {
    let mut len = REASON_LEN_MAX.min(reason.len());
    while !reason.is_char_boundary(len) {
        len -= 1;
    }
    reason.truncate(len);
    reason
}
