//! Options in attributes: `word`, `word = value` and `word(list)`, one parser for all macros.

use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, LitStr, Path, Token, parenthesized};

/// One option of an attribute.
pub(crate) struct Opt {
    pub(crate) name: Ident,
    pub(crate) value: OptValue,
}

pub(crate) enum OptValue {
    None,
    Expr(Expr),
    List(TokenStream),
}

impl Parse for Opt {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `crate` is a keyword, and an option all the same.
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            if name == "crate" {
                let path: Path = input.call(Path::parse_mod_style)?;
                OptValue::Expr(Expr::Verbatim(path.into_token_stream()))
            } else {
                OptValue::Expr(input.parse()?)
            }
        } else if input.peek(syn::token::Paren) {
            let content;
            parenthesized!(content in input);
            OptValue::List(content.parse()?)
        } else {
            OptValue::None
        };
        Ok(Self { name, value })
    }
}

impl Opt {
    /// The text of `name = "text"`.
    pub(crate) fn text(&self) -> syn::Result<LitStr> {
        match &self.value {
            OptValue::Expr(Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })) => Ok(text.clone()),
            _ => Err(syn::Error::new(self.name.span(), format!("write `{} = \"text\"`", self.name))),
        }
    }

    /// Nothing but the word.
    pub(crate) fn flag(&self) -> syn::Result<()> {
        match self.value {
            OptValue::None => Ok(()),
            _ => Err(syn::Error::new(self.name.span(), format!("`{}` takes no value", self.name))),
        }
    }

    /// The names of `name(a, b)`.
    pub(crate) fn idents(&self) -> syn::Result<Vec<Ident>> {
        let OptValue::List(tokens) = &self.value else {
            return Err(syn::Error::new(self.name.span(), format!("write `{}(column, column)`", self.name)));
        };
        let parser = Punctuated::<Ident, Token![,]>::parse_terminated;
        let list = syn::parse::Parser::parse2(parser, tokens.clone())?;
        if list.is_empty() {
            return Err(syn::Error::new(self.name.span(), format!("`{}` needs at least one column", self.name)));
        }
        for (index, ident) in list.iter().enumerate() {
            if list.iter().take(index).any(|earlier| earlier == ident) {
                return Err(syn::Error::new(ident.span(), format!("`{ident}` is named twice")));
            }
        }
        Ok(list.into_iter().collect())
    }

    pub(crate) fn expr(&self) -> syn::Result<&Expr> {
        match &self.value {
            OptValue::Expr(expr) => Ok(expr),
            _ => Err(syn::Error::new(self.name.span(), format!("write `{} = …`", self.name))),
        }
    }
}

/// The option of that name.
pub(crate) fn find<'a>(options: &'a [Opt], name: &str) -> Option<&'a Opt> {
    options.iter().find(|option| option.name == name)
}

/// Whether the flag is there; it takes no value.
pub(crate) fn has_flag(options: &[Opt], name: &str, errors: &mut Errors) -> bool {
    find(options, name).is_some_and(|option| {
        errors.keep(option.flag());
        true
    })
}

/// The text of `name = "text"`, where it is there.
pub(crate) fn find_text(options: &[Opt], name: &str, errors: &mut Errors) -> Option<LitStr> {
    find(options, name).and_then(|option| errors.keep(option.text()))
}

/// A list of options, each at most once unless it may repeat, and none that is not known.
pub(crate) fn check_options(options: &[Opt], known: &[&str], repeatable: &[&str], errors: &mut Errors) {
    for (index, option) in options.iter().enumerate() {
        let name = option.name.to_string();
        if !known.contains(&&*name) {
            errors.at(&option.name, expected(known));
        } else if !repeatable.contains(&&*name) && options[..index].iter().any(|earlier| earlier.name == option.name) {
            errors.at(&option.name, format!("`{name}` is given twice"));
        }
    }
}

/// "expected one of: `a`, `b`"
fn expected(known: &[&str]) -> String {
    let words: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    match &*words {
        [one] => format!("expected {one}"),
        words => format!("expected one of: {}", words.join(", ")),
    }
}

/// `"name", option, option` – what most of our attributes take.
pub(crate) struct NamedArgs {
    pub(crate) name: LitStr,
    pub(crate) options: Vec<Opt>,
}

/// Parses `"name", options`; `why` completes the message when the name is missing.
pub(crate) fn named_args(args: TokenStream, why: &str) -> syn::Result<NamedArgs> {
    let missing = why.to_owned();
    let parser = move |input: ParseStream<'_>| {
        if !input.peek(LitStr) {
            return Err(syn::Error::new(input.span(), missing));
        }
        let name = input.parse()?;
        let mut options = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            options.push(input.parse()?);
        }
        Ok(NamedArgs { name, options })
    };
    let is_empty = args.is_empty();
    syn::parse::Parser::parse2(parser, args)
        .map_err(|error| if is_empty { syn::Error::new(Span::call_site(), error) } else { error })
}

/// The options of all `#[column(...)]` attributes, which are taken off.
pub(crate) fn take_options(attrs: &mut Vec<Attribute>, name: &str) -> syn::Result<Vec<Opt>> {
    let (ours, rest): (Vec<_>, Vec<_>) = std::mem::take(attrs).into_iter().partition(|attr| attr.path().is_ident(name));
    *attrs = rest;
    let mut options = Vec::new();
    for attr in ours {
        options.extend(attr.parse_args_with(Punctuated::<Opt, Token![,]>::parse_terminated)?);
    }
    Ok(options)
}

/// Where `livestore` is: `crate = path`, or `::livestore`.
pub(crate) fn crate_path(options: &[Opt]) -> TokenStream {
    options
        .iter()
        .find(|option| option.name == "crate")
        .and_then(|option| option.expr().ok().map(ToTokens::to_token_stream))
        .unwrap_or_else(|| quote!(::livestore))
}

/// Whether the item is marked with Rust's own `#[deprecated]`.
pub(crate) fn is_deprecated(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("deprecated"))
}

/// The traits that every generated type has.
pub(crate) const DERIVES: &[(&str, &str)] =
    &[("Clone", "::core::clone::Clone"), ("Debug", "::core::fmt::Debug"), ("PartialEq", "::core::cmp::PartialEq")];

/// `#[derive(...)]` of what the attribute implies. What the user wrote again below it is a mistake, told once: it is left to
/// the user's own derive.
pub(crate) fn implied_derives(
    attrs: &[Attribute],
    has_serde: bool,
    krate: &TokenStream,
    errors: &mut Errors,
) -> TokenStream {
    let mut implied: Vec<(&str, TokenStream)> =
        DERIVES.iter().map(|(name, path)| (*name, path.parse().unwrap_or_default())).collect();
    if has_serde {
        implied.push(("Serialize", quote!(#krate::__private::serde::Serialize)));
        implied.push(("Deserialize", quote!(#krate::__private::serde::Deserialize)));
    }
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let Ok(paths) = attr.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else { continue };
        for path in paths {
            let Some(last) = path.segments.last() else { continue };
            let before = implied.len();
            implied.retain(|(name, _)| last.ident != name);
            if implied.len() < before {
                errors.at(&path, format!("`{}` is already derived", last.ident));
            }
        }
    }
    let paths = implied.iter().map(|(_, path)| path);
    quote!(#[derive(#(#paths),*)])
}

/// The serde attribute of a payload: its crate, and camelCase unless the user chose.
pub(crate) fn serde_attr(attrs: &[Attribute], krate: &TokenStream) -> TokenStream {
    let serde = format!("{krate}::__private::serde").replace(' ', "");
    let chose = attrs
        .iter()
        .any(|attr| attr.path().is_ident("serde") && attr.to_token_stream().to_string().contains("rename_all"));
    if chose { quote!(#[serde(crate = #serde)]) } else { quote!(#[serde(crate = #serde, rename_all = "camelCase")]) }
}
