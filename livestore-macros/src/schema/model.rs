use crate::attr::{self, Opt, OptValue};
use crate::errors::Errors;
use crate::names;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Ident, Path, Token};

const OPTIONS: &[&str] = &["events", "tables", "documents", "crate"];

/// What the lists say.
pub(super) struct Model {
    pub(super) krate: TokenStream,
    /// The events of the list, then the set events of the documents.
    pub(super) variants: Vec<Variant>,
    pub(super) tables: Vec<Entry>,
    pub(super) documents: Vec<Entry>,
}

/// One variant of the event enum: an event of the list, or the set event of a document.
pub(super) struct Variant {
    pub(super) name: Ident,
    /// The payload type.
    pub(super) ty: TokenStream,
    /// The document, for a set event.
    pub(super) document: Option<Path>,
    /// As the list has it, for messages.
    pub(super) shown: String,
}

/// `path` or `path as Name`.
pub(super) struct Entry {
    pub(super) path: Path,
    name: Ident,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path: Path = input.call(Path::parse_mod_style)?;
        if input.peek(Token![<]) {
            return Err(input.error("a listed type has no parameters"));
        }
        let name = if input.peek(Token![as]) {
            input.parse::<Token![as]>()?;
            input.parse()?
        } else {
            let last = path.segments.last().map(|segment| segment.ident.clone());
            last.ok_or_else(|| syn::Error::new_spanned(&path, "expected a type"))?
        };
        Ok(Self { path, name })
    }
}

impl Model {
    pub(super) fn new(options: &[Opt], errors: &mut Errors) -> Self {
        attr::check_options(options, OPTIONS, &[], errors);
        let krate = attr::crate_path(options);
        let events = list(options, "events", errors);
        let documents = list(options, "documents", errors);
        let all = events.iter().map(Variant::event).chain(documents.iter().map(|entry| Variant::set(entry, &krate)));
        let variants = distinct(all, errors);
        Self { krate, variants, tables: list(options, "tables", errors), documents }
    }
}

impl Variant {
    fn event(entry: &Entry) -> Self {
        let (path, shown) = (&entry.path, path_text(&entry.path));
        Self { name: entry.name.clone(), ty: path.to_token_stream(), document: None, shown }
    }

    fn set(entry: &Entry, krate: &TokenStream) -> Self {
        let path = &entry.path;
        Self {
            name: names::derived(&entry.name, "Set", entry.name.span()),
            ty: quote_spanned!(path.span()=> <#path as #krate::ClientDocument>::Set),
            document: Some(path.clone()),
            shown: path_text(path),
        }
    }
}

/// The variants under names of their own: a name that is taken is a mistake, and gives way to the one that the message offers.
fn distinct(variants: impl Iterator<Item = Variant>, errors: &mut Errors) -> Vec<Variant> {
    let mut kept: Vec<Variant> = Vec::new();
    for mut variant in variants {
        if kept.iter().any(|earlier| earlier.name == variant.name) {
            let (name, shown) = (names::unraw(&variant.name), &variant.shown);
            let short = if variant.document.is_some() { name.trim_end_matches("Set") } else { &*name };
            let message = format!("two events are named `{name}` here; write `{shown} as Other{short}`");
            errors.at(&variant.name, message);
            variant.name = Ident::new(&format!("Other{name}"), variant.name.span());
        }
        kept.push(variant);
    }
    kept
}

fn list(options: &[Opt], name: &str, errors: &mut Errors) -> Vec<Entry> {
    let Some(option) = options.iter().find(|option| option.name == name) else { return Vec::new() };
    let OptValue::List(tokens) = &option.value else {
        errors.at(&option.name, format!("write `{name}(First, Second)`"));
        return Vec::new();
    };
    let parsed = errors.keep(Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens.clone()));
    let entries: Vec<Entry> = parsed.into_iter().flatten().collect();
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        let text = entry.path.to_token_stream().to_string();
        match kept.iter().any(|earlier| earlier.path.to_token_stream().to_string() == text) {
            true => errors.at(&entry.path, format!("`{}` is listed twice", entry.name)),
            false => kept.push(entry),
        }
    }
    kept
}

/// A path as a message shows it.
pub(super) fn path_text(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}
