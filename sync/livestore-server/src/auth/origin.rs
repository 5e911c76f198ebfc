use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An origin of web pages: scheme, host and port, as browsers send it in the `Origin` header.
///
/// ```
/// use livestore_server::auth::Origin;
///
/// let origin: Origin = "https://App.example".parse()?;
/// assert_eq!(origin, "https://app.example:443".parse()?);
/// assert_eq!(origin.to_string(), "https://app.example");
/// # Ok::<(), livestore_server::auth::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Box<str>,
    host: Box<str>,
    port: Option<u16>,
}

/// Text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no origin such as `https://app.example` or `http://localhost:5173`")]
pub struct OriginError {
    /// The text, escaped and cut.
    pub text: String,
}

impl OriginError {
    fn new(text: &str) -> Self {
        Self { text: text.escape_default().take(100).collect() }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError::new(text);
        let (scheme, authority) = text.split_once("://").ok_or_else(error)?;
        let is_scheme = |char: char| char.is_ascii_alphanumeric() || "+-.".contains(char);
        if !scheme.starts_with(|char: char| char.is_ascii_alphabetic()) || !scheme.chars().all(is_scheme) {
            return Err(error());
        }
        let (host, port) = read_authority(authority).ok_or_else(error)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = port.or_else(|| default_port(&scheme));
        Ok(Self { scheme: scheme.into(), host: host.into(), port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port.filter(|port| default_port(&self.scheme) != Some(*port)) {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// `host` or `host:port`, the host in lower case; nothing else, so no user, no path.
fn read_authority(text: &str) -> Option<(String, Option<u16>)> {
    let end_of_host = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    let (host, port) = text.split_at_checked(end_of_host)?;
    let is_host = |char: char| char.is_ascii_alphanumeric() || "-._".contains(char);
    let is_valid = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.len() <= 253 && host.chars().all(is_host),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
        None if port.is_empty() => None,
        None => return None,
    };
    is_valid.then(|| (host.to_ascii_lowercase(), port))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Why a browser's handshake is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginRefused {
    /// The page has no origin of its own: a file, a sandboxed frame.
    #[error("pages without an origin may not connect")]
    Null,
    /// The header is no origin.
    #[error(transparent)]
    Malformed(OriginError),
    /// The origin is neither listed nor the server's own.
    #[error("pages of `{origin}` may not connect; give `--origin {origin}` to let them")]
    NotListed {
        /// The origin.
        origin: Origin,
    },
}

/// Which web pages may use the server. Programs that are no browsers send no `Origin` and are not concerned.
///
/// A page of the server's own host may always. Two cases are special. On the machine itself the port may differ, as with a
/// development server beside this one. And a server without authentication takes pages of its own host on the machine itself only:
/// elsewhere a page could get a name that points to 127.0.0.1 and reach it from a stranger's site.
///
/// ```
/// use livestore_server::auth::OriginRules;
///
/// let rules = OriginRules::new(["https://app.example".parse()?], true);
/// let host = Some("sync.example");
/// assert!(rules.check(None, host).is_ok());
/// assert!(rules.check(Some("https://app.example"), host).is_ok());
/// assert!(rules.check(Some("https://sync.example"), host).is_ok());
/// assert!(rules.check(Some("https://evil.example"), host).is_err());
/// assert!(rules.check(Some("null"), host).is_err());
/// # Ok::<(), livestore_server::auth::OriginError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OriginRules {
    listed: Vec<Origin>,
    has_auth: bool,
    credentials: bool,
}

impl OriginRules {
    /// Pages of these origins, and of the server's own host; `has_auth` is whether the server authenticates.
    #[must_use]
    pub fn new(listed: impl IntoIterator<Item = Origin>, has_auth: bool) -> Self {
        Self { listed: listed.into_iter().collect(), has_auth, credentials: false }
    }

    /// Lets pages of the allowed origins send cookies too. Only an [`Authenticator`](super::Authenticator) that reads cookies needs it.
    #[must_use]
    pub const fn with_credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// Whether a request with these `Origin` and `Host` headers may be served; `None` where a header is absent.
    ///
    /// # Errors
    ///
    /// It comes from a page that may not use the server. Answer 403.
    pub fn check(&self, origin: Option<&str>, host: Option<&str>) -> Result<(), OriginRefused> {
        self.allowed(origin, host).map(drop)
    }

    /// The CORS headers of an answer, for the same headers and the `Access-Control-Request-Headers` of a preflight.
    ///
    /// Never `*`: the page's own origin is named, so that it is safe together with credentials. None for who is no browser or is
    /// refused, but `Vary`, so that no cache gives one page the answer of another.
    #[must_use]
    pub fn cors(&self, origin: Option<&str>, host: Option<&str>, asked: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = vec![("vary", "Origin".to_owned())];
        let Ok(Some(origin)) = self.allowed(origin, host) else { return headers };
        headers.push(("access-control-allow-origin", origin.to_string()));
        if self.credentials {
            headers.push(("access-control-allow-credentials", "true".to_owned()));
        }
        if let Some(asked) = asked {
            headers.push(("access-control-allow-methods", "GET, POST, OPTIONS".to_owned()));
            headers.push(("access-control-allow-headers", header_names(asked)));
            headers.push(("access-control-max-age", "600".to_owned()));
        }
        headers
    }

    fn allowed(&self, origin: Option<&str>, host: Option<&str>) -> Result<Option<Origin>, OriginRefused> {
        let Some(origin) = origin else { return Ok(None) };
        if origin == "null" {
            return Err(OriginRefused::Null);
        }
        let origin: Origin = origin.parse().map_err(OriginRefused::Malformed)?;
        if self.listed.contains(&origin) || self.is_own_host(&origin, host) {
            return Ok(Some(origin));
        }
        Err(OriginRefused::NotListed { origin })
    }

    fn is_own_host(&self, origin: &Origin, host: Option<&str>) -> bool {
        let Some((host, port)) = host.and_then(read_authority) else { return false };
        if is_loopback(&host) {
            return *origin.host == *host;
        }
        // Without a port, the host was reached by the default port of the page's scheme: a proxy may have ended TLS.
        let port = port.or_else(|| default_port(&origin.scheme));
        self.has_auth && *origin.host == *host && origin.port == port
    }
}

/// The names that a preflight asks for, without what is no header name.
fn header_names(asked: &str) -> String {
    let is_token = |name: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
    };
    let names: Vec<_> = asked.split(',').map(str::trim).filter(is_token).take(32).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(has_auth: bool) -> OriginRules {
        let listed = ["https://app.example", "tauri://localhost", "http://dev.example:5173"];
        OriginRules::new(listed.map(|origin| origin.parse().unwrap()), has_auth)
    }

    #[test]
    fn pages_are_told_apart() {
        for (origin, host, is_allowed) in [
            ("https://app.example", "sync.example", true),
            ("https://APP.example:443", "sync.example", true),
            ("https://app.example:444", "sync.example", false),
            ("http://app.example", "sync.example", false),
            ("https://app.example.evil.example", "sync.example", false),
            ("https://evil.example", "sync.example", false),
            ("https://app.example@evil.example", "sync.example", false),
            ("tauri://localhost", "sync.example", true),
            ("http://dev.example:5173", "sync.example", true),
            ("http://dev.example", "sync.example", false),
            ("https://sync.example", "sync.example", true),
            ("http://sync.example:8787", "sync.example:8787", true),
            ("http://sync.example:8788", "sync.example:8787", false),
            ("http://localhost:5173", "localhost:8787", true),
            ("http://localhost:5173", "127.0.0.1:8787", false),
            ("http://[::1]:5173", "[::1]:8787", true),
            ("http://evil.example", "localhost:8787", false),
            ("null", "sync.example", false),
            ("", "sync.example", false),
            ("https://", "sync.example", false),
            ("*", "sync.example", false),
        ] {
            let result = rules(true).check(Some(origin), Some(host));
            assert_eq!(result.is_ok(), is_allowed, "{origin} at {host}: {result:?}");
        }
        assert_eq!(rules(true).check(None, None), Ok(()), "a program that is no browser");
    }

    #[test]
    fn a_name_that_points_here_does_not_open_a_server_without_authentication() {
        let (origin, host) = (Some("http://evil.example:8787"), Some("evil.example:8787"));
        assert!(rules(false).check(origin, host).is_err());
        assert!(rules(true).check(origin, host).is_ok(), "with a token it is a name like any other");
        assert!(rules(false).check(Some("http://localhost:5173"), Some("localhost:8787")).is_ok());
        assert!(rules(false).check(Some("https://app.example"), Some("127.0.0.1:8787")).is_ok());
    }

    #[test]
    fn a_star_is_never_sent() {
        for rules in [rules(true), rules(false), rules(true).with_credentials()] {
            for origin in [None, Some("https://app.example"), Some("https://evil.example"), Some("*"), Some("null")] {
                let headers = rules.cors(origin, Some("sync.example"), Some("x-livestore-store-id"));
                assert!(headers.iter().all(|(_, value)| !value.contains('*')), "{headers:?}");
                assert!(headers.contains(&("vary", "Origin".to_owned())));
                let is_named = headers.iter().any(|(name, _)| *name == "access-control-allow-origin");
                assert_eq!(is_named, origin == Some("https://app.example"), "{origin:?}");
            }
        }
    }

    #[test]
    fn a_preflight_gets_what_it_asks_for() {
        let asked = "content-type, x-livestore-store-id,traceparent,b3, evil\r\nset-cookie: x, *";
        let headers = rules(true).cors(Some("https://app.example"), None, Some(asked));
        let value = |name: &str| headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str());
        assert_eq!(value("access-control-allow-headers"), Some("content-type, x-livestore-store-id, traceparent, b3"));
        assert_eq!(value("access-control-allow-methods"), Some("GET, POST, OPTIONS"));
        assert_eq!(value("access-control-allow-credentials"), None);
        assert_eq!(rules(true).cors(Some("https://app.example"), None, None).len(), 2, "no preflight");
    }

    #[test]
    fn what_is_no_origin_is_said_without_control_characters() {
        let error = "https://a\r\n\u{1b}".parse::<Origin>().unwrap_err().to_string();
        assert!(error.chars().all(|char| !char.is_control()), "{error:?}");
        for text in
            ["https://a/b", "https://a?b", "://a", "a", "https://a:", "https://a:x", "https://[::1", "https://a:99999"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
