use crate::attr;
use crate::column_value::derive_crate;
use crate::debug;
use crate::errors::Errors;
use crate::names;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let krate = derive_crate(&input, &mut errors);
    let mut reads = Vec::new();
    match &input.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => {
            for field in &data.fields {
                let options = errors.keep(attr::take_options(&mut field.attrs.clone(), "column")).unwrap_or_default();
                attr::check_options(&options, &["name"], &[], &mut errors);
                let Some(ident) = &field.ident else { continue };
                let renamed = attr::find_text(&options, "name", &mut errors);
                let name = renamed.map_or_else(|| names::unraw(ident), |text| text.value());
                reads.push(quote_spanned!(field.ty.span()=> #ident: row.get_named(#name)?,));
            }
        }
        _ => errors.at(&input.ident, "a row is read into a struct with named fields, or into a tuple"),
    }
    if !input.generics.params.is_empty() {
        errors.at(&input.generics, "a row type has no parameters");
    }
    let ident = &input.ident;
    let body = if errors.is_empty() {
        quote!(#krate::__private::Result::Ok(Self { #(#reads)* }))
    } else {
        quote!(::core::unreachable!())
    };
    let generics = &input.generics;
    let fallback_fits = generics.params.is_empty();
    let expanded = fallback_fits.then(|| {
        quote! {
            #[automatically_derived]
            impl #krate::FromRow for #ident {
                #[allow(unused_variables)]
                fn from_row(row: &#krate::Row<'_>) -> #krate::__private::Result<Self, #krate::QueryError> {
                    #body
                }
            }
        }
    });
    let errors = errors.into_tokens();
    debug::show(&ident.to_string(), quote!(#expanded #errors))
}
