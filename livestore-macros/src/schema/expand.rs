use super::checks::checks;
use super::model::Model;
use crate::names;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, ItemStruct};

/// `enum AppEvent { … }` and the impls behind it.
pub(super) fn expand(model: &Model, schema: &ItemStruct) -> TokenStream {
    let krate = &model.krate;
    let (ident, vis) = (&schema.ident, &schema.vis);
    let events = names::derived(ident, "Event", ident.span());
    let variants = &model.variants;
    let enum_doc = format!("Any event of schema [`{}`].", names::unraw(ident));
    let variant_docs = variants.iter().map(|variant| match &variant.document {
        None => format!("The event `{}`.", variant.shown),
        Some(_) => format!("Sets the document `{}`.", variant.shown),
    });
    let names: Vec<_> = variants.iter().map(|variant| &variant.name).collect();
    let types: Vec<_> = variants.iter().map(|variant| &variant.ty).collect();
    let body = impls(model, ident, &events);
    quote! {
        #[doc = #enum_doc]
        #[allow(deprecated, private_interfaces)]
        #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
        #vis enum #events {
            #(#[doc = #variant_docs] #names(#types),)*
        }

        #[allow(deprecated, unreachable_code, unused_variables)]
        const _: () = {
            #body

            #[automatically_derived]
            impl #krate::Commit<#ident> for #events {
                fn collect(self, batch: &mut #krate::Batch<#ident>) {
                    batch.__push(self);
                }
            }
        };
    }
}

fn impls(model: &Model, ident: &Ident, events: &Ident) -> TokenStream {
    let krate = &model.krate;
    let private = quote!(#krate::__private);
    let shown = names::unraw(ident);
    let tables: Vec<_> = model.tables.iter().map(|entry| &entry.path).collect();
    let documents: Vec<_> = model.documents.iter().map(|entry| &entry.path).collect();
    // Locals stand where the attribute does: a path that came in through a `macro_rules!` would not see them.
    let (event, session, args, cx) = (quote!(event), quote!(session), quote!(args), quote!(cx));
    let (mut defs, mut encodes, mut decodes, mut materializes, mut commits, mut entries) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, variant) in model.variants.iter().enumerate() {
        let (name, ty) = (&variant.name, &variant.ty);
        let span = variant.name.span();
        // Whatever a type lacks is told once: each demand for it stands at the same place, in the same words.
        let (encode, materialize, version) = match &variant.document {
            None => (
                quote_spanned!(span=> <#ty as #krate::Event>::__encode(#event)),
                quote_spanned!(span=> <#ty as #krate::Materialize<#ident>>::materialize(#event, #cx)),
                quote_spanned!(span=> <#ty as #krate::Materialize<#ident>>::VERSION),
            ),
            Some(document) => (
                quote_spanned!(span=> #private::encode_document(#event, #session)),
                quote_spanned!(span=> #private::materialize_document::<#document>(#event, #cx)),
                quote!(1),
            ),
        };
        let def = quote_spanned!(span=> <#ty as #krate::Event>::DEF);
        let decode = quote_spanned!(span=> <#ty as #krate::Event>::__decode(#args).map(Self::#name));
        defs.push(quote!(Self::#name(_) => #def,));
        encodes.push(quote!(Self::#name(ref event) => #encode,));
        decodes.push(quote!(#index => #decode,));
        materializes.push(quote!(Self::#name(event) => #materialize,));
        entries.push(quote!(#private::EventEntry { def: #def, materializer_version: #version },));
        commits.push(quote! {
            #[automatically_derived]
            impl #krate::Commit<#ident> for #ty {
                fn collect(self, batch: &mut #krate::Batch<#ident>) {
                    batch.__push(#events::#name(self));
                }
            }
        });
    }
    let checks = checks(model);
    quote! {
        #checks

        #[automatically_derived]
        impl #krate::Schema for #ident {
            type Event = #events;
            const DEF: &'static #private::SchemaDef = &#private::SchemaDef {
                name: #shown,
                events: &[#(#entries)*],
                tables: &[#(<#tables as #krate::Table>::DEF,)*],
                documents: &[#(<#documents as #krate::ClientDocument>::DEF,)*],
            };
        }

        #[automatically_derived]
        impl #krate::SchemaEvent<#ident> for #events {
            fn def(&self) -> &'static #private::EventDef {
                match *self { #(#defs)* }
            }

            fn encode(
                &self,
                session: &#krate::SessionId,
            ) -> #private::Result<#private::Option<#private::Box<str>>, #krate::EncodeError> {
                match *self { #(#encodes)* }
            }

            fn decode(
                name: &str,
                args: #private::Option<&str>,
            ) -> #private::Option<#private::Result<Self>> {
                #private::Some(match #private::position(&NAMES, name)? {
                    #(#decodes)*
                    _ => return #private::None,
                })
            }

            fn materialize(
                self,
                cx: &#krate::MaterializeCx<'_>,
            ) -> #private::Result<#krate::Writes> {
                match self { #(#materializes)* }
            }
        }

        #(#commits)*
    }
}
