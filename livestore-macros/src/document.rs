use crate::attr::{self, NamedArgs, Opt};
use crate::errors::Errors;
use crate::{debug, names};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Fields, Item, ItemStruct, LitStr};

const OPTIONS: &[&str] = &["id", "crate"];
const MISSING: &str = "expected the document's name, for example `#[client_document(\"uiState\")]`";

pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = errors.keep(attr::named_args(args, MISSING));
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) => {
            let expanded = expand_struct(args, &item, errors);
            debug::show(&item.ident.to_string(), expanded)
        }
        _ => {
            errors.at(item, "a client document is a struct with named fields");
            let errors = errors.into_tokens();
            quote!(#item #errors)
        }
    }
}

fn expand_struct(args: Option<NamedArgs>, item: &ItemStruct, mut errors: Errors) -> TokenStream {
    let options: &[Opt] = args.as_ref().map_or(&[], |args| &args.options);
    attr::check_options(options, OPTIONS, &[], &mut errors);
    if let Some(args) = &args {
        errors.keep(names::check_table_name(&args.name));
    }
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "a client document has no parameters");
    }
    if !matches!(item.fields, Fields::Named(_)) {
        errors.at(&item.ident, "a client document has named fields: they are set one by one");
    }
    let id = attr::find_text(options, "id", &mut errors);
    let krate = attr::crate_path(options);
    let derives = attr::implied_derives(&item.attrs, true, &krate, &mut errors);
    let serde = attr::serde_attr(&item.attrs, &krate);
    let setters = setters(item, &mut errors);
    // After a mistake the item still is a document where it can be, so that its uses say nothing more.
    let has_its_shape = item.generics.params.is_empty() && matches!(item.fields, Fields::Named(_));
    let name = args.map_or_else(|| names::text_of(&item.ident), |args| args.name);
    let implementation = has_its_shape.then(|| implementation(&name, id.as_ref(), item, &krate, &setters));
    let errors = errors.into_tokens();
    quote! {
        #derives
        #serde
        #item
        #implementation
        #errors
    }
}

/// `pub fn show_completed(mut self, value: bool) -> Self`
fn setters(item: &ItemStruct, errors: &mut Errors) -> Vec<TokenStream> {
    let mut setters = Vec::new();
    for field in &item.fields {
        let Some(ident) = &field.ident else { continue };
        let key = match serde_rename(&field.attrs) {
            Some(renamed) => renamed,
            None if has_rename_all(&item.attrs) => {
                errors.at(
                    ident,
                    "with a `rename_all` of its own, a document names each key: `#[serde(rename = \"key\")]`",
                );
                names::unraw(ident)
            }
            None => names::camel_case(&names::unraw(ident)),
        };
        let (vis, ty) = (&field.vis, &field.ty);
        let cfg = field.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let doc = format!("Sets `{}`.", names::unraw(ident));
        setters.push(quote! {
            #(#cfg)*
            #[doc = #doc]
            #[must_use]
            #[allow(dead_code)]
            #vis fn #ident(mut self, value: #ty) -> Self {
                self.0.__put(#key, &value);
                self
            }
        });
    }
    setters
}

fn has_rename_all(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("serde") && attr.to_token_stream().to_string().contains("rename_all"))
}

fn serde_rename(attrs: &[Attribute]) -> Option<String> {
    let mut renamed = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        // Other options of serde are serde's to judge.
        let _ = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                renamed = Some(meta.value()?.parse::<syn::LitStr>()?.value());
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
    }
    renamed
}

fn implementation(
    name: &LitStr,
    id: Option<&LitStr>,
    item: &ItemStruct,
    krate: &TokenStream,
    setters: &[TokenStream],
) -> TokenStream {
    let private = quote!(#krate::__private);
    let (ident, vis) = (&item.ident, &item.vis);
    let set = names::derived(ident, "Set", ident.span());
    let doc =
        format!("Sets fields of the client document `{}`; made by `{}::set()`.", name.value(), names::unraw(ident));
    let serde = format!("{krate}::__private::serde").replace(' ', "");
    let event_name = format!("{}Set", name.value());
    let id = match id {
        Some(id) => quote!(#private::Some(#id)),
        None => quote!(#private::None),
    };
    quote! {
        #[doc = #doc]
        #[derive(
            ::core::clone::Clone,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            #private::serde::Serialize,
            #private::serde::Deserialize
        )]
        #[serde(crate = #serde, transparent)]
        #vis struct #set(#private::DocumentSet);

        // Setters are named as the fields are, whatever a linter makes of such a name on a function.
        #[allow(clippy::wrong_self_convention, clippy::should_implement_trait, clippy::new_ret_no_self)]
        impl #set {
            #(#setters)*
        }

        #[automatically_derived]
        impl #krate::Event for #set {
            const DEF: &'static #private::EventDef = &#private::EventDef {
                name: #event_name,
                client_only: true,
                derived: true,
                deprecated: false,
                unit: false,
                shape: 0,
            };
        }

        #[automatically_derived]
        impl #private::DocumentEvent for #set {
            fn __new(set: #private::DocumentSet) -> Self {
                Self(set)
            }

            fn __set(&self) -> &#private::DocumentSet {
                &self.0
            }
        }

        #[allow(deprecated)]
        #[automatically_derived]
        impl #krate::ClientDocument for #ident {
            type Set = #set;
            const ID: #private::Option<&'static str> = #id;
            const DEF: &'static #private::DocumentDef = &#private::DocumentDef {
                table: &#private::TableDef {
                    name: #name,
                    columns: &#private::DOCUMENT_COLUMNS,
                    primary_key: &["id"],
                    indexes: &[],
                    checks: &[],
                    client_only: true,
                },
                set_event: <#set as #krate::Event>::DEF,
            };
        }
    }
}
