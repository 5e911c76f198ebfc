use super::{Refusal, Token};
use livestore_sync_protocol::RawJson;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

/// The longest token, in bytes.
const TOKEN_LEN_MAX: usize = 16 << 10;

/// The headers of a handshake that a hook may want: `authorization`, `cookie`, `forwarded`, `host`, `origin`, `user-agent` and all
/// that begin with `x-`. `Debug` shows their names only.
///
/// ```
/// use livestore_server::auth::RequestHeaders;
///
/// let headers = RequestHeaders::new([("Authorization", "Bearer s3cret"), ("Accept", "*/*")]);
/// assert_eq!(headers.get("authorization"), Some("Bearer s3cret"));
/// assert_eq!(headers.get("accept"), None);
/// assert_eq!(format!("{headers:?}"), r#"["authorization"]"#);
/// ```
#[derive(Clone, Default)]
pub struct RequestHeaders(Vec<(Box<str>, Box<str>)>);

impl RequestHeaders {
    /// Takes what hooks may want out of all headers.
    #[must_use]
    pub fn new<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let kept = ["authorization", "cookie", "forwarded", "host", "origin", "user-agent"];
        let lower = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let wanted = lower.filter(|(name, _)| name.starts_with("x-") || kept.contains(&name.as_str()));
        Self(wanted.map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a header, by its name in lower case; the first of several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a header.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |header| *header.0 == *name).map(|header| &*header.1)
    }
}

impl fmt::Debug for RequestHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What an [`Authenticator`](super::Authenticator) learns of who wants to connect. The same over WebSocket and HTTP, which it is
/// therefore not told.
#[derive(Clone)]
pub struct ConnectInfo<'a> {
    /// The store that is asked for. A connection is for one store.
    pub store_id: &'a str,
    /// The application's sync payload, as it came.
    pub payload: Option<&'a RawJson>,
    /// Headers of the handshake.
    pub headers: &'a RequestHeaders,
    /// The address at the other end: of the client, or of a proxy.
    pub peer: IpAddr,
    /// When.
    pub now: SystemTime,
    token: Option<Token>,
}

impl<'a> ConnectInfo<'a> {
    /// Reads the token: `authToken` of the payload, or `Authorization: Bearer`. An empty one is none, as applications send that
    /// which have no token yet. Other schemes of `Authorization` may be a proxy's and are read over.
    ///
    /// # Errors
    ///
    /// Both are there and differ, or one of them does not read. Nothing else is then looked at.
    pub fn new(
        store_id: &'a str,
        payload: Option<&'a RawJson>,
        headers: &'a RequestHeaders,
        peer: IpAddr,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let token = match (payload_token(payload)?, bearer_token(headers)?) {
            (Some(payload), Some(bearer)) if payload != bearer => {
                return Err(Refusal::unauthenticated(
                    "the token of the payload is not that of the `Authorization` header",
                ));
            }
            (payload, bearer) => payload.or(bearer),
        };
        if token.as_ref().is_some_and(|token| token.reveal().len() > TOKEN_LEN_MAX) {
            return Err(Refusal::unauthenticated("the token is too long"));
        }
        Ok(Self { store_id, payload, headers, peer, now, token })
    }

    /// The token that was sent.
    #[must_use]
    pub const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The origin of the web page that connects, when a browser does. [`OriginRules`](super::OriginRules) have let it through.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.headers.get("origin")
    }
}

impl fmt::Debug for ConnectInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectInfo")
            .field("store_id", &self.store_id)
            .field("headers", &self.headers)
            .field("peer", &self.peer)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// Of the payload. A field that is there twice is an error, so that nobody reads another token than we do.
#[derive(Deserialize)]
struct Payload {
    #[serde(default, rename = "authToken")]
    auth_token: Option<String>,
}

fn payload_token(payload: Option<&RawJson>) -> Result<Option<Token>, Refusal> {
    // What is no object holds no token, and may mean something to a hook.
    let Some(text) = payload.map(|payload| payload.text().trim_start()).filter(|text| text.starts_with('{')) else {
        return Ok(None);
    };
    let payload: Payload = serde_json::from_str(text)
        // What serde says may hold what it read.
        .map_err(|_| Refusal::unauthenticated("`authToken` of the payload is no text, or is there twice"))?;
    Ok(payload.auth_token.filter(|token| !token.is_empty()).map(Token::new))
}

fn bearer_token(headers: &RequestHeaders) -> Result<Option<Token>, Refusal> {
    let mut tokens = headers.all("authorization").filter_map(|value| {
        let (scheme, token) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token = tokens.next();
    if tokens.next().is_some() {
        return Err(Refusal::unauthenticated("`Authorization: Bearer` is there twice"));
    }
    Ok(token.filter(|token| !token.is_empty()).map(Token::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: Option<&str>, headers: &[(&str, &str)]) -> Result<Option<String>, String> {
        let payload = payload.map(|payload| RawJson::new(payload).unwrap());
        let headers = RequestHeaders::new(headers.iter().copied());
        let peer = [127, 0, 0, 1].into();
        let info = ConnectInfo::new("s", payload.as_ref(), &headers, peer, SystemTime::UNIX_EPOCH);
        let token = |info: ConnectInfo<'_>| info.token().map(|token| token.reveal().to_owned());
        info.map(token).map_err(|refusal| refusal.to_string())
    }

    fn some(token: &str) -> Result<Option<String>, String> {
        Ok(Some(token.to_owned()))
    }

    #[test]
    fn a_token_comes_from_either_place() {
        assert_eq!(token(None, &[]), Ok(None));
        assert_eq!(token(Some(r#"{"authToken":"a","other":[1]}"#), &[]), some("a"));
        assert_eq!(token(Some(r#"{"authToken":"\u0061"}"#), &[("authorization", "bearer  a ")]), some("a"));
        assert_eq!(token(None, &[("AUTHORIZATION", "Bearer a")]), some("a"));
        assert_eq!(token(None, &[("authorization", "Basic eDp5"), ("authorization", "Bearer a")]), some("a"));
    }

    #[test]
    fn what_holds_no_token_is_none() {
        for payload in [r#"{"authToken":null}"#, r#"{"authToken":""}"#, r#"{}"#, r#"["a"]"#, r#""a""#, "null", "7"] {
            assert_eq!(token(Some(payload), &[]), Ok(None), "{payload}");
        }
        for header in ["Basic YTpi", "Bearer", "Bearer ", ""] {
            assert_eq!(token(None, &[("authorization", header)]), Ok(None), "{header}");
        }
    }

    #[test]
    fn two_readers_see_one_token() {
        let differ = token(Some(r#"{"authToken":"a"}"#), &[("authorization", "Bearer b")]).unwrap_err();
        assert!(differ.contains("is not that of"), "{differ}");
        for payload in [r#"{"authToken":"a","authToken":"b"}"#, r#"{"authToken":7}"#, r#"{"authToken":["a"]}"#] {
            assert!(token(Some(payload), &[]).is_err(), "{payload}");
        }
        assert!(token(None, &[("authorization", "Bearer a"), ("Authorization", "Bearer a")]).is_err());
    }

    #[test]
    fn a_token_has_a_longest() {
        let header = |len: usize| token(None, &[("authorization", &format!("Bearer {}", "a".repeat(len)))]);
        assert!(header(TOKEN_LEN_MAX).is_ok());
        assert!(header(TOKEN_LEN_MAX + 1).is_err());
    }
}
