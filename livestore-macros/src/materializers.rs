use crate::attr::{self, Opt};
use crate::debug;
use crate::errors::Errors;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, ItemImpl, ReturnType, Token, Type};

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = errors
        .keep(Punctuated::<Opt, Token![,]>::parse_terminated.parse2(args))
        .map(|options| options.into_iter().collect::<Vec<_>>())
        .unwrap_or_default();
    attr::check_options(&options, &["crate"], &[]).into_iter().for_each(|error| errors.add(error));
    let krate = attr::crate_path(&options);
    let mut block = match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(block) => block,
        Err(_) => {
            errors.at(&item, "`#[materializers]` goes above the `impl` block of a schema");
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    if let Some((path, _)) = &block.trait_ {
        errors.at(path, "materializers are functions of the schema itself, not of a trait");
    }
    let schema = block.self_ty.clone();
    let mut impls = TokenStream::new();
    for item in &mut block.items {
        match item {
            ImplItem::Fn(function) => impls.extend(materializer(function, &schema, &krate, &mut errors)),
            other => errors.at(other, "only materializers belong here; move this to an ordinary `impl` block"),
        }
    }
    let errors = errors.into_tokens();
    let name = schema.to_token_stream().to_string();
    debug::show(&name, quote!(#block #impls #errors))
}

/// `impl Materialize<App> for TodoCreated { fn materialize(self, cx) { cx.__collect(<App>::todo_created(self)) } }`
fn materializer(
    function: &mut ImplItemFn,
    schema: &Type,
    krate: &TokenStream,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let version = errors.keep(version(function))?;
    let event = event_type(function, errors)?;
    let takes_cx = match function.sig.inputs.len() {
        1 => false,
        2 => true,
        _ => {
            let message = "a materializer takes its event, and a `&MaterializeCx<'_>` if it wants to read state";
            errors.at(&function.sig.inputs, message);
            return None;
        }
    };
    let name = &function.sig.ident;
    let cfg = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    let context = takes_cx.then(|| quote!(, cx));
    // Blame what the function returns when it is nothing that can be written.
    let returned = match &function.sig.output {
        ReturnType::Default => name.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let call = quote_spanned!(returned=> cx.__collect(<#schema>::#name(self #context)));
    Some(quote_spanned! {event.span()=>
        #(#cfg)*
        #[allow(deprecated)]
        #[automatically_derived]
        impl #krate::Materialize<#schema> for #event {
            const VERSION: u64 = #version;

            fn materialize(
                self,
                cx: &#krate::MaterializeCx<'_>,
            ) -> #krate::__private::Result<#krate::Writes> {
                #call
            }
        }
    })
}

fn event_type(function: &ImplItemFn, errors: &mut Errors) -> Option<Type> {
    let sig = &function.sig;
    let mut is_right = true;
    let mut wrong = |tokens: &dyn ToTokens, message: &str| {
        errors.at(tokens.to_token_stream(), message);
        is_right = false;
    };
    if let Some(keyword) = &sig.asyncness {
        wrong(keyword, "a materializer cannot be `async`: it must give the same writes on every client");
    }
    if let syn::Safety::Unsafe(keyword) = &sig.safety {
        wrong(keyword, "a materializer cannot be `unsafe`");
    }
    if let Some(keyword) = &sig.constness {
        wrong(keyword, "a materializer cannot be `const`");
    }
    if !sig.generics.params.is_empty() {
        wrong(&sig.generics, "a materializer has no parameters: it is for one event");
    }
    let event = match sig.inputs.first() {
        None => {
            wrong(&sig.ident, "a materializer takes the event that it is for, by value");
            None
        }
        Some(FnArg::Receiver(receiver)) => {
            wrong(receiver, "a materializer takes no `self`: all it may know is the event and the state");
            None
        }
        Some(FnArg::Typed(argument)) => match &*argument.ty {
            Type::Reference(reference) => {
                wrong(reference, "a materializer takes its event by value");
                None
            }
            Type::ImplTrait(any) => {
                wrong(any, "a materializer is for one event; name its type");
                None
            }
            ty => Some(ty.clone()),
        },
    };
    event.filter(|_| is_right)
}

/// `#[materializer(version = 2)]`, or a hash of the function's tokens.
fn version(function: &mut ImplItemFn) -> syn::Result<u64> {
    let options = attr::take_options(&mut function.attrs, "materializer")?;
    if let Some(error) = attr::check_options(&options, &["version"], &[]).into_iter().next() {
        return Err(error);
    }
    let Some(option) = options.first() else { return Ok(token_hash(function)) };
    match option.expr()? {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(version), .. }) => version.base10_parse(),
        other => Err(syn::Error::new_spanned(other, "the version is a whole number")),
    }
}

/// A hash of the kind and text of each token, never of a printed form, which compilers may change. Comments and attributes
/// say nothing about what is written, except `cfg`.
fn token_hash(function: &ImplItemFn) -> u64 {
    let mut function = function.clone();
    function.attrs.retain(|attr: &Attribute| attr.path().is_ident("cfg"));
    let mut hash = 0xcbf2_9ce4_8422_2325;
    hash_tokens(function.into_token_stream(), &mut hash);
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
