use super::{ConnectInfo, Operation, Principal};
use livestore_sync_protocol::Event;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// What hooks return, so that they may ask a database.
pub type HookFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why somebody may not do what they want to. The reason is for the server's log and names no secret; a peer is told
/// [`Refusal::public`] and nothing more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not known who they are, or no longer. A new token may help.
    #[error("not authenticated: {reason}")]
    Unauthenticated {
        /// Why, without any secret.
        reason: String,
    },
    /// They may not do this. Whether the store exists does not show.
    #[error("not allowed: {reason}")]
    Forbidden {
        /// Why, without any secret.
        reason: String,
    },
    /// It cannot be found out now, so the answer is no.
    #[error("cannot say who may do what now: {reason}")]
    Unavailable {
        /// Why, without any secret.
        reason: String,
    },
}

impl Refusal {
    /// It is not known who they are.
    #[must_use]
    pub fn unauthenticated(reason: impl Into<String>) -> Self {
        Self::Unauthenticated { reason: reason.into() }
    }

    /// They may not do this.
    #[must_use]
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self::Forbidden { reason: reason.into() }
    }

    /// It cannot be found out now.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }

    /// What the peer is told: the HTTP status and a text, the same for every reason.
    #[must_use]
    pub const fn public(&self) -> (u16, &'static str) {
        match self {
            Self::Unauthenticated { .. } => (401, "not authenticated"),
            Self::Forbidden { .. } => (403, "not allowed"),
            Self::Unavailable { .. } => (503, "try again later"),
        }
    }

    pub(crate) fn map_reason(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Unauthenticated { reason } => Self::Unauthenticated { reason: change(reason) },
            Self::Forbidden { reason } => Self::Forbidden { reason: change(reason) },
            Self::Unavailable { reason } => Self::Unavailable { reason: change(reason) },
        }
    }
}

/// Finds out who connects. Called once per connection, over every transport in the same way.
///
/// ```
/// use livestore_server::auth::{Authenticator, ConnectInfo, HookFuture, Principal, Refusal};
///
/// #[derive(Debug)]
/// struct Sessions;
///
/// impl Authenticator for Sessions {
///     fn authenticate<'a>(&'a self, connect: &'a ConnectInfo<'a>) -> HookFuture<'a, Result<Principal, Refusal>> {
///         Box::pin(async move {
///             let token = connect.token().ok_or_else(|| Refusal::unauthenticated("no token"))?;
///             // Here a database would be asked.
///             match token.reveal() {
///                 "session-of-ada" => Ok(Principal::named("ada")),
///                 _ => Err(Refusal::unauthenticated("no such session")),
///             }
///         })
///     }
/// }
/// ```
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Who it is.
    ///
    /// # Errors
    ///
    /// The connection is refused. A refusal must not hold the token.
    fn authenticate<'a>(&'a self, connect: &'a ConnectInfo<'a>) -> HookFuture<'a, Result<Principal, Refusal>>;
}

/// Says who may do what. Called when a connection is opened, at each push, and every few seconds while it is open.
///
/// Whether the principal's credential has ended was checked before.
///
/// ```
/// use livestore_server::auth::{Authorizer, HookFuture, Operation, Principal, Refusal};
///
/// /// A store per person, under their name.
/// #[derive(Debug)]
/// struct OwnStores;
///
/// impl Authorizer for OwnStores {
///     fn authorize<'a>(
///         &'a self,
///         principal: &'a Principal,
///         store_id: &'a str,
///         operation: Operation,
///     ) -> HookFuture<'a, Result<(), Refusal>> {
///         let is_own = principal.name() == Some(store_id) && operation != Operation::Admin;
///         Box::pin(async move { if is_own { Ok(()) } else { Err(Refusal::forbidden("not their own store")) } })
///     }
/// }
/// ```
pub trait Authorizer: fmt::Debug + Send + Sync + 'static {
    /// Whether they may.
    ///
    /// # Errors
    ///
    /// They may not; an open connection that may no longer read is closed.
    fn authorize<'a>(
        &'a self,
        principal: &'a Principal,
        store_id: &'a str,
        operation: Operation,
    ) -> HookFuture<'a, Result<(), Refusal>>;
}

/// What an [`EventValidator`] says of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventVerdict {
    /// It may go into the log.
    Accept,
    /// It may never. Its client is told the reason and sets the event aside, visibly.
    Reject {
        /// Why, for the client's user.
        reason: String,
    },
}

/// Judges every event that is pushed, before it gets its place in the log.
///
/// What is accepted once may be asked for again, when a client did not hear the answer: a validator should not change its mind.
///
/// ```
/// use livestore_server::auth::{EventValidator, EventVerdict, HookFuture, Principal, Refusal};
/// use livestore_sync_protocol::Event;
///
/// #[derive(Debug)]
/// struct NoClears;
///
/// impl EventValidator for NoClears {
///     fn validate<'a>(
///         &'a self,
///         _: &'a Principal,
///         _: &'a str,
///         event: &'a Event,
///     ) -> HookFuture<'a, Result<EventVerdict, Refusal>> {
///         let verdict = match event.name.as_str() {
///             "v1.AllCleared" => EventVerdict::Reject { reason: "lists are not cleared here".into() },
///             _ => EventVerdict::Accept,
///         };
///         Box::pin(async { Ok(verdict) })
///     }
/// }
/// ```
pub trait EventValidator: fmt::Debug + Send + Sync + 'static {
    /// The verdict.
    ///
    /// # Errors
    ///
    /// It cannot be given now: the push is not taken, and the client tries again.
    fn validate<'a>(
        &'a self,
        principal: &'a Principal,
        store_id: &'a str,
        event: &'a Event,
    ) -> HookFuture<'a, Result<EventVerdict, Refusal>>;
}
