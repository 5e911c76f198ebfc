//! Percent-encoding as JavaScript does it, so that URLs are the same byte for byte.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// `encodeURIComponent`.
pub(crate) fn encode_component(text: &str) -> String {
    encode(text, |byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte))
}

/// A value as `URLSearchParams` writes it, where a space is `+`.
pub(crate) fn encode_query(text: &str) -> String {
    let encoded = encode(text, |byte| byte.is_ascii_alphanumeric() || b"*-._ ".contains(&byte));
    encoded.replace(' ', "+")
}

fn encode(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    encoded
}

/// A value of a query; `None` where it is no UTF-8.
pub(crate) fn decode_query(text: &str) -> Option<String> {
    decode(&text.replace('+', " "))
}

/// `decodeURIComponent`, but a `%` that begins no byte stands for itself; `None` where the result is no UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            (byte, _) => decoded.push(*byte),
        }
    }
    String::from_utf8(decoded).ok()
}

fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0)
}
