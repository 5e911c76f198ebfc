use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// What somebody wants to do with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Pull its events.
    Read,
    /// Push events to it.
    Write,
    /// Export, import or check it.
    Admin,
}

/// What a token file or a claim may allow. Who may write may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Pull only.
    Read,
    /// Pull and push.
    Write,
}

impl Access {
    /// Reads `read` or `write`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            _ => None,
        }
    }

    /// Whether it allows an operation; administration is never allowed by it.
    #[must_use]
    pub const fn allows(self, operation: Operation) -> bool {
        match operation {
            Operation::Read => true,
            Operation::Write => matches!(self, Self::Write),
            Operation::Admin => false,
        }
    }
}

/// Who is at the other end of a connection, as an [`Authenticator`](super::Authenticator) found out.
///
/// The name is stored beside every event that they push and may be in logs. What the [`Authorizer`](super::Authorizer) has to know
/// besides goes into the credential, which nothing prints.
///
/// ```
/// use livestore_server::auth::Principal;
///
/// struct Row { team: u64 }
/// let principal = Principal::named("ada").with_credential(Row { team: 7 });
/// assert_eq!(principal.name(), Some("ada"));
/// assert_eq!(principal.credential::<Row>().map(|row| row.team), Some(7));
/// assert!(Principal::anonymous().name().is_none());
/// ```
#[derive(Clone)]
pub struct Principal {
    name: Option<Box<str>>,
    expires_at: Option<SystemTime>,
    credential: Option<Arc<dyn Any + Send + Sync>>,
}

impl Principal {
    /// Somebody with a name.
    #[must_use]
    pub fn named(name: impl Into<Box<str>>) -> Self {
        Self { name: Some(name.into()), expires_at: None, credential: None }
    }

    /// Somebody who did not say who they are.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { name: None, expires_at: None, credential: None }
    }

    /// Until when they may stay without showing a new credential.
    #[must_use]
    pub const fn expiring_at(mut self, expires_at: SystemTime) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// What the authorizer needs to know of them.
    #[must_use]
    pub fn with_credential(mut self, credential: impl Any + Send + Sync) -> Self {
        self.credential = Some(Arc::new(credential));
        self
    }

    /// The name; `None` for who is anonymous.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// When their credential ends; `None` for never.
    #[must_use]
    pub const fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// What their authenticator put there, when it is of this type.
    #[must_use]
    pub fn credential<T: Any>(&self) -> Option<&T> {
        self.credential.as_ref()?.downcast_ref()
    }

    /// Whether their credential has ended.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("name", &self.name)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
