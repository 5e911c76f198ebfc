use crate::attr::{self, Opt};
use crate::errors::Errors;
use crate::{debug, names, tokens};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, ItemImpl, ReturnType, Token, Type};

pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = errors
        .keep(Punctuated::<Opt, Token![,]>::parse_terminated.parse2(args))
        .map(|options| options.into_iter().collect::<Vec<_>>())
        .unwrap_or_default();
    attr::check_options(&options, &["crate"], &[], &mut errors);
    let krate = attr::crate_path(&options);
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        errors.at(item, "`#[materializers]` goes above the `impl` block of a schema");
        let errors = errors.into_tokens();
        return quote!(#item #errors);
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

/// `impl Materialize<App> for TodoCreated { fn materialize(self, cx) { IntoWrites::__collect(<App>::todo_created(self)) } }`
fn materializer(
    function: &mut ImplItemFn,
    schema: &Type,
    krate: &TokenStream,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let mut own = Errors::default();
    let version = own.keep(version(function)).unwrap_or_default();
    check_signature(function, &mut own);
    let event = event_type(function, &mut own);
    // After a mistake the event still has a materializer, so that its schema says nothing more.
    let call = if own.is_empty() { call(function, schema, krate) } else { quote!(::core::unreachable!()) };
    errors.join(own);
    let event = event?;
    let (this, cx) = locals();
    let cfg = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    Some(quote_spanned! {event.span()=>
        #(#cfg)*
        #[allow(deprecated)]
        #[automatically_derived]
        impl #krate::Materialize<#schema> for #event {
            const VERSION: u64 = #version;

            #[allow(unused_variables)]
            fn materialize(
                #this,
                #cx: &#krate::MaterializeCx<'_>,
            ) -> #krate::__private::Result<#krate::Writes> {
                let _: () = <Self as #krate::Commit<#schema>>::__IS_LISTED;
                #call
            }
        }
    })
}

/// `IntoWrites::__collect(<App>::todo_created(self, cx))`
fn call(function: &ImplItemFn, schema: &Type, krate: &TokenStream) -> TokenStream {
    let name = &function.sig.ident;
    let (this, cx) = locals();
    let context = function.sig.inputs.iter().nth(1).map(|context| {
        let cx = match context {
            FnArg::Typed(argument) => names::blamed(&cx, argument.ty.span()),
            FnArg::Receiver(_) => cx,
        };
        quote!(, #cx)
    });
    // Blame what the function returns when it is nothing that can be written.
    let returned = match &function.sig.output {
        ReturnType::Default => name.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    quote_spanned!(returned=> #krate::IntoWrites::__collect(<#schema>::#name(#this #context)))
}

/// Locals stand where the attribute does: a type that came in through a `macro_rules!` would not see them.
fn locals() -> (TokenStream, TokenStream) {
    (quote!(self), quote!(cx))
}

fn check_signature(function: &ImplItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    if let Some(keyword) = &sig.asyncness {
        errors.at(keyword, "a materializer cannot be `async`: it must give the same writes on every client");
    }
    if let syn::Safety::Unsafe(keyword) = &sig.safety {
        errors.at(keyword, "a materializer cannot be `unsafe`");
    }
    if let Some(keyword) = &sig.constness {
        errors.at(keyword, "a materializer cannot be `const`");
    }
    if !sig.generics.params.is_empty() {
        errors.at(&sig.generics, "a materializer has no parameters: it is for one event");
    }
    match sig.inputs.first() {
        None => errors.at(&sig.ident, "a materializer takes the event that it is for, by value"),
        Some(FnArg::Receiver(receiver)) => {
            errors.at(receiver, "a materializer takes no `self`: all it may know is the event and the state");
        }
        Some(FnArg::Typed(_)) if sig.inputs.len() > 2 => {
            let message = "a materializer takes its event, and a `&MaterializeCx<'_>` if it wants to read state";
            errors.at(&sig.inputs, message);
        }
        Some(FnArg::Typed(_)) => {}
    }
}

/// The type of the first argument that is no `self`.
fn event_type(function: &ImplItemFn, errors: &mut Errors) -> Option<Type> {
    let generics = &function.sig.generics;
    let argument = function.sig.inputs.iter().find_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    })?;
    match &*argument.ty {
        Type::Reference(reference) => {
            errors.at(reference, "a materializer takes its event by value");
            Some((*reference.elem).clone())
        }
        Type::ImplTrait(any) => {
            errors.at(any, "a materializer is for one event; name its type");
            None
        }
        Type::Path(path) if generics.type_params().any(|param| path.path.is_ident(&param.ident)) => None,
        ty => Some(ty.clone()),
    }
}

/// `#[materializer(version = 2)]`, or a hash of the function's tokens.
fn version(function: &mut ImplItemFn) -> syn::Result<u64> {
    let options = attr::take_options(&mut function.attrs, "materializer")?;
    let mut errors = Errors::default();
    attr::check_options(&options, &["version"], &[], &mut errors);
    errors.into_result()?;
    let Some(option) = options.first() else { return Ok(token_hash(function)) };
    match option.expr()? {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(version), .. }) => version.base10_parse(),
        other => Err(syn::Error::new_spanned(other, "the version is a whole number")),
    }
}

/// Comments and attributes say nothing about what is written, except `cfg`.
fn token_hash(function: &ImplItemFn) -> u64 {
    let mut function = function.clone();
    function.attrs.retain(|attr: &Attribute| attr.path().is_ident("cfg"));
    tokens::hash(function.into_token_stream())
}
