//! What an HTTP answer says that is not the one that was asked for.

use livestore::SyncError;

/// The most bytes of a refusal's body that are read.
pub(crate) const BODY_BYTES_MAX: usize = 4 << 10;
/// The most characters of it that are shown.
const BODY_CHARS_MAX: usize = 120;

/// Why the backend does not serve this client. A 400 is how sync-cf 0.4.0 refuses credentials (measured).
pub(crate) fn refused(status: u16, body: &[u8]) -> SyncError {
    let text = String::from_utf8_lossy(body);
    // A page for people comes from something before the backend, or instead of it.
    let is_page = text.trim_start().starts_with('<');
    let said = if is_page { String::new() } else { excerpt(&text) };
    let answer = if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") };
    match status {
        400 if is_page => no_backend(&answer),
        400 | 401 | 403 => SyncError::Unauthorized { reason: answer },
        300..=399 => SyncError::Protocol {
            reason: format!("{answer}: it redirects, which is not followed; use the URL that it leads to"),
        },
        // Of a server that has too much to do, or of a proxy before one that is away.
        408 | 425 | 429 | 500 | 502..=504 => SyncError::Offline { reason: answer },
        _ => no_backend(&answer),
    }
}

fn no_backend(answer: &str) -> SyncError {
    SyncError::Protocol { reason: format!("{answer}: is there a sync backend at this URL?") }
}

/// The beginning of a text from outside, on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let text = text.trim();
    let mut short: String = text.chars().take(BODY_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(BODY_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16) -> &'static str {
        match refused(status, b"why") {
            SyncError::Offline { .. } => "offline",
            SyncError::Unauthorized { .. } => "unauthorized",
            SyncError::Protocol { .. } => "protocol",
            _ => "another",
        }
    }

    #[test]
    fn each_status_is_told_apart() {
        assert_eq!([400, 401, 403].map(kind), ["unauthorized"; 3]);
        assert_eq!([408, 429, 500, 502, 503, 504].map(kind), ["offline"; 6]);
        assert_eq!([200, 204, 301, 307, 404, 426, 501, 505].map(kind), ["protocol"; 8]);
    }

    #[test]
    fn of_a_page_only_the_status_is_told() {
        let page = b"<!DOCTYPE HTML>\n<html><body>Unsupported method</body></html>";
        let told = |status| refused(status, page).to_string();
        let is_there = "is there a sync backend at this URL?";
        assert_eq!(told(501), format!("the backend broke the protocol: status 501: {is_there}"));
        assert_eq!(told(400), format!("the backend broke the protocol: status 400: {is_there}"));
        assert_eq!([502, 403].map(told), ["offline: status 502", "not authorized: status 403"]);
    }

    #[test]
    fn what_it_says_is_shown_in_part_and_on_one_line() {
        let shown = refused(401, "no\n\u{1b}[31mtoken".as_bytes()).to_string();
        assert_eq!(shown, "not authorized: status 401: no\\n\\u{1b}[31mtoken");
        assert!(refused(401, &[b'x'; 1_000]).to_string().len() < 200);
    }
}
