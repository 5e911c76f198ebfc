//! What no two events and no two tables may share, and what a table may refer to.

use super::model::{Model, path_text};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

/// The messages are made here: a helper that panics would show the library's source.
pub(super) fn checks(model: &Model) -> TokenStream {
    let (krate, variants) = (&model.krate, &model.variants);
    let private = quote!(#krate::__private);
    let count = variants.len();
    let wires = variants.iter().map(|variant| {
        let ty = &variant.ty;
        quote_spanned!(variant.name.span()=> <#ty as #krate::Event>::DEF.name)
    });
    let event_checks = variants.iter().enumerate().map(|(index, variant)| {
        let what = if variant.document.is_some() { "the set event of document" } else { "event" };
        let message = format!("{what} `{}` has the wire name of an earlier event in this schema", variant.shown);
        let span = variant.name.span();
        quote_spanned!(span=> const _: () = ::core::assert!(#private::is_first(&NAMES, #index), #message);)
    });
    let tables = model.tables.iter().map(|entry| (&entry.path, quote!(Table), quote!(DEF), "table"));
    let documents =
        model.documents.iter().map(|entry| (&entry.path, quote!(ClientDocument), quote!(DEF.table), "document"));
    let all: Vec<_> = tables.chain(documents).collect();
    let defs = all.iter().map(|(path, tr, def, _)| quote!(<#path as #krate::#tr>::#def));
    let table_count = all.len();
    let table_checks = all.iter().enumerate().map(|(index, (path, _, _, what))| {
        let shown = path_text(path);
        let same = format!("{what} `{shown}` has the SQL name of an earlier table in this schema (SQLite folds case)");
        let open = format!("table `{shown}` has a foreign key to a table that this schema does not list");
        quote_spanned! {path.span()=>
            const _: () = ::core::assert!(#private::is_first_table(&TABLES, #index), #same);
            const _: () = ::core::assert!(#private::lists_targets(&TABLES, #index), #open);
        }
    });
    quote! {
        const NAMES: [&str; #count] = [#(#wires),*];
        const TABLES: [&#private::TableDef; #table_count] = [#(#defs),*];
        #(#event_checks)*
        #(#table_checks)*
    }
}
