use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Ident, LitStr};

/// A Rust name as text, without the `r#` of a keyword.
pub(crate) fn unraw(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The same, as a literal: a name to go on with where the user gave none.
pub(crate) fn text_of(ident: &Ident) -> LitStr {
    LitStr::new(&unraw(ident), ident.span())
}

/// `snake_case` or `PascalCase` to `camelCase`, as serde does it.
pub(crate) fn camel_case(name: &str) -> String {
    let pascal: String = if name.contains('_') || name.chars().next().is_some_and(char::is_lowercase) {
        name.split('_').map(capitalized).collect()
    } else {
        name.to_owned()
    };
    let mut chars = pascal.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// A wire or table name: not empty, printable, no longer than any file or protocol would mind.
pub(crate) fn check_name(name: &LitStr, what: &str) -> syn::Result<()> {
    let text = name.value();
    if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
        return Err(syn::Error::new(name.span(), format!("the {what} must have 1 to 200 printable characters")));
    }
    Ok(())
}

/// Table names with these beginnings belong to the library and to SQLite.
pub(crate) fn check_table_name(name: &LitStr) -> syn::Result<()> {
    check_name(name, "table name")?;
    let lower = name.value().to_ascii_lowercase();
    let reserved = ["livestore", "sqlite_"].into_iter().find(|prefix| lower.starts_with(prefix));
    match reserved {
        Some(prefix) => {
            Err(syn::Error::new(name.span(), format!("table names that begin with `{prefix}` are reserved")))
        }
        None => Ok(()),
    }
}

/// An identifier made of a user's name, with the span of that name.
pub(crate) fn derived(base: &Ident, suffix: &str, span: Span) -> Ident {
    Ident::new(&format!("{}{suffix}", base.unraw()), span)
}

/// A type as a message shows it.
pub(crate) fn shown(ty: &syn::Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}

/// A message for `assert!`, which takes its text for a format string.
pub(crate) fn assertion(message: &str) -> String {
    message.replace('{', "{{").replace('}', "}}")
}

/// The same tokens, blamed at another place of the user's.
pub(crate) fn blamed(tokens: &impl ToTokens, place: Span) -> TokenStream {
    tokens.to_token_stream().into_iter().map(|token| blamed_token(token, place)).collect()
}

fn blamed_token(mut token: TokenTree, place: Span) -> TokenTree {
    if let TokenTree::Group(group) = &token {
        let mut moved = Group::new(group.delimiter(), blamed(&group.stream(), place));
        moved.set_span(group.span().located_at(place));
        return TokenTree::Group(moved);
    }
    token.set_span(token.span().located_at(place));
    token
}
