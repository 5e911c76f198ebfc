use crate::address::Address;
use crate::credentials::{CredentialSource, TokenPlace};
use crate::tls::Roots;
use crate::{SetupError, SyncClient};
use livestore::SyncError;
use livestore_sync_protocol::Transport;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a client waits for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) connect: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) answer: Duration,
    pub(crate) poll_interval: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            // The store asks after ten seconds of silence, and that counts; this is for the rest.
            ping_interval: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            poll_interval: Duration::from_secs(5),
        }
    }
}

/// Says how to reach a backend; made by [`SyncClient::builder`].
///
/// ```
/// use livestore_sync_client::SyncClient;
/// use std::time::Duration;
///
/// let backend = SyncClient::builder("https://sync.example.com/api")
///     .token("secret")
///     .poll_interval(Duration::from_secs(2))
///     .build()?;
/// # Ok::<(), livestore_sync_client::SetupError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct SyncClientBuilder {
    url: Secret,
    transport: Option<Transport>,
    allows_plaintext: bool,
    credentials: CredentialSource,
    root_certificates: Option<PathBuf>,
    times: Times,
}

/// A text that is not shown.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl SyncClientBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: Secret(url.to_owned()),
            transport: None,
            allows_plaintext: false,
            credentials: CredentialSource::default(),
            root_certificates: None,
            times: Times::default(),
        }
    }

    /// Talks in this way, whatever the URL's scheme says.
    pub const fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Shows this token on each connect, as `Authorization: Bearer …`.
    pub fn token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.token_with(move || Ok(token.clone()))
    }

    /// Asks for a token on each connect: one that expired is renewed without opening the store again.
    ///
    /// The callback runs on the connection's own thread and may take its time, but should have a timeout; the store gives a connection
    /// up after about 15 seconds and tries again. Its error is what the connection ends with:
    /// [`SyncError::Offline`] where the token could not be fetched now, [`SyncError::Unauthorized`] where somebody has to log in.
    pub fn token_with(mut self, ask: impl Fn() -> Result<String, SyncError> + Send + Sync + 'static) -> Self {
        self.credentials.ask_token = Some(Arc::new(ask));
        self
    }

    /// Puts the token into the sync payload's `authToken`, where servers of TypeScript LiveStore look for it.
    ///
    /// The payload is a part of the URL, and so ends up in the logs of proxies and servers on the way: without this the token goes into
    /// a header, which this project's server reads. It is also a part of each request, which `tungstenite` and `ureq` show at the level
    /// TRACE.
    pub const fn token_in_payload(mut self) -> Self {
        self.credentials.place = TokenPlace::Payload;
        self
    }

    /// Sends this with each connect and each request, for the backend's own use: the `syncPayload` of TypeScript clients. It is a part of
    /// the URL, so nothing secret belongs in it.
    pub fn payload(mut self, payload: serde_json::Value) -> Self {
        self.credentials.payload = Some(payload);
        self
    }

    /// Trusts the root certificates in this PEM file, in place of the public ones.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.root_certificates = Some(path.into());
        self
    }

    /// Talks without TLS to other machines too. Whoever is on the way can read and change everything, the token included.
    pub const fn allow_plaintext(mut self) -> Self {
        self.allows_plaintext = true;
        self
    }

    /// How long a connection may take to stand; 10 seconds if not said. The store itself waits for 15.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.times.connect = timeout;
        self
    }

    /// After how long without a word to ask over a WebSocket whether the backend is there, and how long the answer may take: 15 and
    /// 10 seconds if not said. The store asks by itself after 10 seconds.
    pub const fn keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        (self.times.ping_interval, self.times.ping_timeout) = (interval, timeout);
        self
    }

    /// How long the answer to a push, or the next page, may take; 20 seconds if not said.
    pub const fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.times.answer = timeout;
        self
    }

    /// How often to ask for news over HTTP; every 5 seconds if not said.
    pub const fn poll_interval(mut self, interval: Duration) -> Self {
        self.times.poll_interval = interval;
        self
    }

    /// The client, to be given to a store's builder. It connects when the store does.
    ///
    /// # Errors
    /// See [`SetupError`]: the URL, the certificates or the payload are not usable, or there is no TLS to another machine.
    pub fn build(self) -> Result<SyncClient, SetupError> {
        let address = Address::parse(&self.url.0, self.transport)?;
        if !address.is_tls && !address.is_loopback() && !self.allows_plaintext {
            return Err(SetupError::Plaintext { host: address.host });
        }
        self.credentials.check()?;
        let roots = self.root_certificates.as_deref().map(Roots::read).transpose()?.unwrap_or_default();
        Ok(SyncClient::new(address, self.credentials, roots, self.times))
    }
}
