use livestore::SyncError;
use std::io;

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum End {
    /// Nobody wants it any more.
    Dropped,
    Lost(SyncError),
}

impl End {
    pub(crate) fn offline(reason: impl Into<String>) -> Self {
        Self::Lost(SyncError::Offline { reason: reason.into() })
    }

    pub(crate) fn protocol(reason: impl Into<String>) -> Self {
        Self::Lost(SyncError::Protocol { reason: reason.into() })
    }

    /// A certificate that is not to be trusted does not come right by itself, so it is not like being offline.
    pub(crate) fn tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidMessage(_) => {
                Self::protocol("what answers speaks no TLS: is its URL one of `ws://` or `http://`?")
            }
            error => Self::protocol(format!("TLS: {error}")),
        }
    }

    /// A socket failed.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::tls(error),
            None => Self::offline(error.to_string()),
        }
    }
}
