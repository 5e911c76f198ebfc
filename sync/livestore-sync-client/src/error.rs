/// Why a [`SyncClient`](crate::SyncClient) cannot be made. Says nothing that could be secret: a URL may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The URL is none of a sync backend.
    #[error("the URL of the sync backend is not usable: {reason}")]
    Url {
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// The URL has a user or a password in it, and URLs end up in logs.
    #[error(
        "the URL of the sync backend has a user or a password in it: give a token with `token()` or `token_with()`"
    )]
    Login,
    /// Without TLS everybody on the way reads along, and the backend is not on this machine.
    #[error("`{host}` is not this machine: use wss:// or https://, or `allow_plaintext()` in a network that you trust")]
    Plaintext {
        /// The host.
        host: String,
    },
    /// The token shall go into the sync payload, which has no place for it.
    #[error("the token cannot go into the sync payload, which is {kind}: give an object, or leave the payload out")]
    Payload {
        /// What the payload is instead of an object.
        kind: &'static str,
    },
    /// The root certificates cannot be read, or there are none.
    #[error("no root certificates in {path}: {reason}")]
    Certificates {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl From<SetupError> for livestore::Error {
    fn from(error: SetupError) -> Self {
        Self::new(error)
    }
}
