//! `#[schema]`: [`model`] reads the lists, [`expand`] writes the enum and the impls, [`checks`] asks what only the compiler
//! knows.

mod checks;
mod expand;
mod model;

use crate::attr::Opt;
use crate::debug;
use crate::errors::Errors;
use model::Model;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Fields, ItemStruct, Token};

const NOT_A_UNIT: &str = "a schema is a unit struct: `pub struct App;`";

pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = errors
        .keep(Punctuated::<Opt, Token![,]>::parse_terminated.parse2(args))
        .map(|options| options.into_iter().collect::<Vec<_>>())
        .unwrap_or_default();
    let model = Model::new(&options, &mut errors);
    let schema = match syn::parse2::<ItemStruct>(item.clone()) {
        Ok(schema) if schema.generics.params.is_empty() => schema,
        _ => {
            errors.at(item, NOT_A_UNIT);
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    if !matches!(schema.fields, Fields::Unit) {
        errors.at(&schema.fields, NOT_A_UNIT);
    }
    let expanded = expand::expand(&model, &schema);
    let errors = errors.into_tokens();
    debug::show(&schema.ident.to_string(), quote!(#schema #expanded #errors))
}
