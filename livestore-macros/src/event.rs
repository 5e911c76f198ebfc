use crate::attr::{self, NamedArgs, Opt};
use crate::errors::Errors;
use crate::{debug, names, tokens};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Fields, Item, ItemStruct};

const OPTIONS: &[&str] = &["client_only", "crate"];
const MISSING: &str = "expected the wire name, for example `#[event(\"v1.TodoCreated\")]`: it is what other clients see, and \
                       does not follow the Rust name, so that the struct can be renamed";

pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = errors.keep(attr::named_args(args, MISSING));
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) => {
            let expanded = expand_struct(args.as_ref(), &item, errors);
            debug::show(&item.ident.to_string(), expanded)
        }
        Ok(other) => {
            errors.at(other, "an event is a struct: one for each kind of fact");
            let errors = errors.into_tokens();
            quote!(#item #errors)
        }
        Err(error) => {
            let error = error.to_compile_error();
            quote!(#item #error)
        }
    }
}

fn expand_struct(args: Option<&NamedArgs>, item: &ItemStruct, mut errors: Errors) -> TokenStream {
    let options: &[Opt] = args.map_or(&[], |args| &args.options);
    attr::check_options(options, OPTIONS, &[], &mut errors);
    if let Some(args) = args {
        errors.keep(names::check_name(&args.name, "wire name"));
    }
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "an event has no parameters: every client must read the same type");
    }
    if let Fields::Unnamed(fields) = &item.fields {
        errors.at(fields, "an event has named fields, or none: their names are its JSON keys");
    }
    let krate = attr::crate_path(options);
    let derives = attr::implied_derives(&item.attrs, true, &krate, &mut errors);
    let serde = attr::serde_attr(&item.attrs, &krate);
    let client_only = attr::has_flag(options, "client_only", &mut errors);
    let def = event_def(args, item, client_only, &krate);
    let ident = &item.ident;
    let has_parameters = !item.generics.params.is_empty();
    let event = (!has_parameters).then(|| {
        quote_spanned! {ident.span()=>
            #[allow(deprecated)]
            #[automatically_derived]
            impl #krate::Event for #ident {
                const DEF: &'static #krate::__private::EventDef = &#def;
            }
        }
    });
    let errors = errors.into_tokens();
    quote! {
        #derives
        #serde
        #item
        #event
        #errors
    }
}

fn event_def(args: Option<&NamedArgs>, item: &ItemStruct, client_only: bool, krate: &TokenStream) -> TokenStream {
    // After a mistake the item still is an event, so that its uses say nothing more.
    let name = args.map_or_else(|| names::text_of(&item.ident), |args| args.name.clone());
    let shape = shape(item);
    let (deprecated, unit) = (attr::is_deprecated(&item.attrs), matches!(item.fields, Fields::Unit));
    quote! {
        #krate::__private::EventDef {
            name: #name,
            client_only: #client_only,
            derived: false,
            deprecated: #deprecated,
            unit: #unit,
            shape: #shape,
        }
    }
}

/// What decides how a payload is read: the fields with their types, and what serde is told. Types that a field names are not
/// seen; a change of theirs asks for a new version of the materializer.
fn shape(item: &ItemStruct) -> u64 {
    let mut item = item.clone();
    item.attrs.retain(|attr| attr.path().is_ident("serde"));
    for field in &mut item.fields {
        field.attrs.retain(|attr| attr.path().is_ident("serde") || attr.path().is_ident("cfg"));
        field.vis = syn::Visibility::Inherited;
    }
    let (attrs, fields) = (&item.attrs, &item.fields);
    tokens::hash(quote!(#(#attrs)* #fields))
}
