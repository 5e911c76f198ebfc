//! Hashes of tokens: part of the state's fingerprint.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A hash of the kind and text of each token, never of a printed form, which compilers may change.
pub(crate) fn hash(tokens: TokenStream) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    hash_tokens(tokens, &mut hash);
    hash
}

fn hash_tokens(tokens: TokenStream, hash: &mut u64) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                // A group without delimiters is the compiler's own doing.
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                hash_text(open, hash);
                hash_tokens(group.stream(), hash);
                hash_text(close, hash);
            }
            TokenTree::Ident(ident) => hash_text(&format!("i{ident}"), hash),
            TokenTree::Punct(punct) => hash_text(&format!("p{}", punct.as_char()), hash),
            TokenTree::Literal(literal) => hash_text(&format!("l{literal}"), hash),
        }
    }
}

/// FNV-1a; the last byte is in no UTF-8 text, and ends the token.
fn hash_text(text: &str, hash: &mut u64) {
    for byte in text.bytes().chain([0xff]) {
        *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
}
