use crate::percent::{decode, decode_query, encode_component, encode_query};
use crate::{DecodeError, Limits, RawJson, Transport, check_store_id};

/// What a client says in the URL when it connects.
///
/// `…?storeId=todos&payload=…&transport=ws`, whatever the path. The payload is JSON that is percent-encoded twice (measured on
/// sync-cf 0.4.0). It may hold a token, so neither it nor the URL belongs in a log; this type's `Debug` leaves it out.
///
/// ```
/// use livestore_sync_protocol::{ConnectRequest, RawJson, Transport};
///
/// let connect = ConnectRequest {
///     store_id: "todos".into(),
///     transport: Transport::WebSocket,
///     payload: Some(RawJson::new(r#"{"authToken":"bad"}"#)?),
/// };
/// let url = connect.url("ws://localhost:8787");
/// assert_eq!(url, "ws://localhost:8787?storeId=todos&payload=%257B%2522authToken%2522%253A%2522bad%2522%257D&transport=ws");
/// let (_, query) = url.split_once('?').unwrap();
/// assert_eq!(ConnectRequest::parse(query)?, connect);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The store; checked by [`check_store_id`].
    pub store_id: String,
    /// How the client talks.
    pub transport: Transport,
    /// The application's sync payload. TypeScript clients put their token into its `authToken`.
    pub payload: Option<RawJson>,
}

/// Why a query is no connect request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// It lacks a parameter, and so is about something else than sync.
    #[error("the query has no `{name}`")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// It has a parameter twice, and two readers could see two requests in it.
    #[error("the query has `{name}` twice")]
    Twice {
        /// The parameter.
        name: &'static str,
    },
    /// The query is too long.
    #[error("a query of {bytes} bytes, at most {max}")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// There is no such transport.
    #[error("no transport is called `{name}`, only `ws` and `http`")]
    UnknownTransport {
        /// What it was called, cut.
        name: String,
    },
    /// The store id is none.
    #[error(transparent)]
    StoreId(DecodeError),
    /// The payload is no JSON that was encoded twice. Says nothing of what it holds.
    #[error("the payload is no JSON, percent-encoded twice")]
    Payload,
}

impl ConnectRequest {
    /// The longest query, in bytes.
    pub const QUERY_BYTES_MAX: usize = 32 << 10;

    /// The URL to connect to: `base`, which may have a query of its own, with this query.
    #[must_use]
    pub fn url(&self, base: &str) -> String {
        let base = base.split('#').next().unwrap_or_default();
        let separator = if base.contains('?') { '&' } else { '?' };
        format!("{base}{separator}{}", self.query())
    }

    /// The query, without a question mark.
    #[must_use]
    pub fn query(&self) -> String {
        let payload = self.payload.as_ref().map(|payload| encode_query(&encode_component(payload.text())));
        let payload = payload.map_or_else(String::new, |payload| format!("&payload={payload}"));
        format!("storeId={}{payload}&transport={}", encode_query(&self.store_id), self.transport.name())
    }

    /// Reads the query of a URL. Other parameters are read over, as sync-cf 0.4.0 does.
    ///
    /// # Errors
    /// It is no connect request. A server answers 400, before anything else is looked at; sync-cf 0.4.0 too.
    pub fn parse(query: &str) -> Result<Self, ConnectError> {
        if query.len() > Self::QUERY_BYTES_MAX {
            return Err(ConnectError::TooLong { bytes: query.len(), max: Self::QUERY_BYTES_MAX });
        }
        let store_id = parameter(query, "storeId")?.ok_or(ConnectError::Missing { name: "storeId" })?;
        let transport = parameter(query, "transport")?.ok_or(ConnectError::Missing { name: "transport" })?;
        let payload = parameter(query, "payload")?.map(|payload| read_payload(&payload)).transpose()?;
        check_store_id(&store_id).map_err(ConnectError::StoreId)?;
        let transport = match transport.as_str() {
            "ws" => Transport::WebSocket,
            "http" => Transport::Http,
            name => return Err(ConnectError::UnknownTransport { name: crate::error::excerpt(name) }),
        };
        Ok(Self { store_id, transport, payload })
    }
}

fn parameter(query: &str, name: &'static str) -> Result<Option<String>, ConnectError> {
    let mut found = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_query(key).as_deref() == Some(name)).then_some(value)
    });
    let Some(value) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(ConnectError::Twice { name });
    }
    // What is no UTF-8 is no store id, no transport and no JSON.
    Ok(Some(decode_query(value).unwrap_or_else(|| String::from(char::REPLACEMENT_CHARACTER))))
}

fn read_payload(value: &str) -> Result<RawJson, ConnectError> {
    let text = decode(value).ok_or(ConnectError::Payload)?;
    let trimmed = text.trim_matches([' ', '\n', '\r', '\t']);
    debug_assert!(Limits::default().frame_bytes > ConnectRequest::QUERY_BYTES_MAX, "a query is smaller than a frame");
    RawJson::new(trimmed).map_err(|_| ConnectError::Payload)
}
