//! `#[table]`: [`model`] reads what the user wrote and judges it, [`expand`] writes the impls, [`checks`] asks the type system
//! for the rest.

mod checks;
mod default;
mod expand;
mod model;
mod reference;

use crate::errors::Errors;
use crate::{attr, debug};
use model::Model;
use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

const MISSING: &str = "expected the table's SQL name, for example `#[table(\"todos\")]`";

pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = errors.keep(attr::named_args(args, MISSING));
    let Ok(Item::Struct(mut item)) = syn::parse2::<Item>(item.clone()) else {
        errors.at(item, "a table is a struct: one field for each column");
        let errors = errors.into_tokens();
        return quote!(#item #errors);
    };
    let model = Model::new(args.as_ref(), &mut item, &mut errors);
    let derives = attr::implied_derives(&item.attrs, false, &model.krate, &mut errors);
    // After a mistake the item still is a table where it can be, so that its uses say nothing more.
    let expanded = model.has_its_shape(&item).then(|| model.expand(&item));
    let checks = errors.is_empty().then(|| model.checks());
    let errors = errors.into_tokens();
    debug::show(
        &item.ident.to_string(),
        quote! {
            #derives
            #item
            #expanded
            #checks
            #errors
        },
    )
}
