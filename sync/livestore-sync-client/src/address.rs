//! Where the backend is.

use crate::SetupError;
use http::Uri;
use livestore_sync_protocol::{ConnectRequest, RawJson, Transport};
use std::fmt;
use std::net::IpAddr;

/// A checked URL.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) transport: Transport,
    pub(crate) is_tls: bool,
    /// Without brackets around an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as they were written.
    authority: String,
    /// Without a query and a fragment.
    path: String,
}

impl Address {
    /// Reads a URL; its scheme tells the transport where none is given.
    pub(crate) fn parse(url: &str, transport: Option<Transport>) -> Result<Self, SetupError> {
        let uri: Uri = url.parse().map_err(|_| unusable("it is no URL; write ws://host:port"))?;
        let (by_scheme, is_tls) = match uri.scheme_str() {
            Some("ws") => (Transport::WebSocket, false),
            Some("wss") => (Transport::WebSocket, true),
            Some("http") => (Transport::Http, false),
            Some("https") => (Transport::Http, true),
            _ => return Err(unusable("it begins with none of ws://, wss://, http:// and https://")),
        };
        let authority = uri.authority().ok_or_else(|| unusable("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(SetupError::Login);
        }
        let port = match authority.as_str().get(authority.host().len()..).unwrap_or_default() {
            "" => None,
            port => Some(port.strip_prefix(':').and_then(|port| port.parse().ok()).filter(|port| *port != 0)),
        };
        let port =
            port.unwrap_or(Some(if is_tls { 443 } else { 80 })).ok_or_else(|| unusable("there is no such port"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(unusable("it has no host"));
        }
        if uri.query().is_some() {
            return Err(unusable(
                "it has a query, which is where the store and the transport go; leave it out, and give what the backend shall know as `payload()`",
            ));
        }
        Ok(Self {
            transport: transport.unwrap_or(by_scheme),
            is_tls,
            host,
            port,
            authority: authority.as_str().to_owned(),
            path: match uri.path() {
                "" => "/".to_owned(),
                path => path.to_owned(),
            },
        })
    }

    /// Whether the host names this machine, whatever a resolver says.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// What to ask the host for.
    pub(crate) fn target(&self, store_id: &str, payload: Option<RawJson>) -> String {
        let connect = ConnectRequest { store_id: store_id.to_owned(), transport: self.transport, payload };
        connect.url(&self.path)
    }

    /// The same as a URL of HTTP.
    pub(crate) fn http_url(&self, store_id: &str, payload: Option<RawJson>) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.target(store_id, payload))
    }

    /// As a `Host` header says it.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.transport, self.is_tls) {
            (Transport::WebSocket, false) => "ws",
            (Transport::WebSocket, true) => "wss",
            (Transport::Http, false) => "http",
            (Transport::Http, true) => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

fn unusable(reason: &str) -> SetupError {
    SetupError::Url { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let address = Address::parse(url, None).unwrap();
        let Address { host, port, .. } = &address;
        assert_eq!(format!("{address:?} {host} {port} {}", address.target("s", None)), expected);
    }

    #[test]
    fn urls_are_taken_as_they_are() {
        check("ws://localhost:8787", "ws://localhost:8787/ localhost 8787 /?storeId=s&transport=ws");
        check("wss://Example.com/a/b", "wss://Example.com/a/b Example.com 443 /a/b?storeId=s&transport=ws");
        check("http://[::1]:80/x", "http://[::1]:80/x ::1 80 /x?storeId=s&transport=http");
        check("https://h#fragment", "https://h/ h 443 /?storeId=s&transport=http");
    }

    #[test]
    fn what_is_no_url_of_a_backend_is_told_without_quoting_it() {
        for url in [
            "",
            "secret",
            "/secret",
            "ftp://secret",
            "ws://",
            "ws://user:secret@host",
            "ws://host:secret",
            "ws://h:0",
            "ws://h/?key=secret",
            "ws://h?storeId=secret",
        ] {
            let error = Address::parse(url, None).unwrap_err().to_string();
            assert!(error.starts_with("the URL of the sync backend") && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        let is_loopback = |url| Address::parse(url, None).unwrap().is_loopback();
        assert!(["ws://localhost", "ws://127.9.9.9:1", "ws://[::1]"].into_iter().all(is_loopback));
        assert!(!["ws://localhost.example", "ws://10.0.0.1", "ws://[::2]"].into_iter().any(is_loopback));
    }
}
