use crate::attr;
use crate::debug;
use crate::errors::Errors;
use crate::names;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Fields, Ident, Type};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let krate = derive_crate(&input, &mut errors);
    let expanded = match &input.data {
        Data::Enum(data) => text_enum(&input.ident, data, &krate, &mut errors),
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                newtype(&input.ident, &fields.unnamed[0].ty, &krate)
            }
            _ => {
                errors.at(
                    &input.ident,
                    "a column holds one value: derive this for a struct of one unnamed field, or use `Json<T>`",
                );
                TokenStream::new()
            }
        },
        Data::Union(_) => {
            errors.at(&input.ident, "a union is no column value");
            TokenStream::new()
        }
    };
    if !input.generics.params.is_empty() {
        errors.at(&input.generics, "a column value has no parameters");
    }
    let expanded = match errors.is_empty() {
        true => expanded,
        false => fallback(&input, &krate),
    };
    let errors = errors.into_tokens();
    debug::show(&input.ident.to_string(), quote!(#expanded #errors))
}

/// After a mistake the type still is a column value, so that its uses say nothing more.
fn fallback(input: &DeriveInput, krate: &TokenStream) -> TokenStream {
    let (ident, private) = (&input.ident, quote!(#krate::__private));
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    quote! {
        impl #generics #krate::ColumnValue for #ident #arguments #bounds {
            type Base = Self;
            const TYPE: #krate::ColumnType = #krate::ColumnType::required(#krate::SqlType::Text);

            fn into_value(self) -> #private::Result<#krate::SqlValue, #krate::ValueError> {
                ::core::unreachable!()
            }

            fn from_value(_: #krate::ValueRef<'_>) -> #private::Result<Self, #krate::ValueError> {
                ::core::unreachable!()
            }
        }
    }
}

/// `#[livestore(crate = path)]`, for crates that re-export the library.
pub(crate) fn derive_crate(input: &DeriveInput, errors: &mut Errors) -> TokenStream {
    let options = errors.keep(attr::take_options(&mut input.attrs.clone(), "livestore")).unwrap_or_default();
    attr::check_options(&options, &["crate"], &[], errors);
    attr::crate_path(&options)
}

fn text_enum(ident: &Ident, data: &DataEnum, krate: &TokenStream, errors: &mut Errors) -> TokenStream {
    let mut variants: Vec<(&Ident, String)> = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            errors.at(&variant.fields, "an enum stored as text has no fields; use `Json<T>` for this type");
        }
        let options = errors.keep(attr::take_options(&mut variant.attrs.clone(), "column")).unwrap_or_default();
        attr::check_options(&options, &["name"], &[], errors);
        let renamed = attr::find_text(&options, "name", errors);
        let text = renamed.map_or_else(|| names::camel_case(&names::unraw(&variant.ident)), |text| text.value());
        if variants.iter().any(|(_, earlier)| *earlier == text) {
            errors.at(&variant.ident, format!("two variants are stored as `{text}`"));
        }
        variants.push((&variant.ident, text));
    }
    if variants.is_empty() {
        errors.at(ident, "an enum without variants has no values to store");
        return TokenStream::new();
    }
    let private = quote!(#krate::__private);
    let idents: Vec<_> = variants.iter().map(|(ident, _)| ident).collect();
    let texts: Vec<_> = variants.iter().map(|(_, text)| text).collect();
    let name = names::unraw(ident);
    let expected = texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ");
    quote! {
        #[automatically_derived]
        impl #ident {
            #[doc(hidden)]
            #[allow(dead_code)]
            pub const fn __livestore_const(&self) -> #private::ConstValue {
                #private::ConstValue::Text(match self { #(Self::#idents => #texts,)* })
            }
        }

        #[automatically_derived]
        impl #krate::ColumnValue for #ident {
            type Base = Self;
            const TYPE: #krate::ColumnType = #krate::ColumnType::required(#krate::SqlType::Text);

            fn into_value(self) -> #private::Result<#krate::SqlValue, #krate::ValueError> {
                #private::Result::Ok(#krate::SqlValue::Text(#private::ToOwned::to_owned(match self {
                    #(Self::#idents => #texts,)*
                })))
            }

            fn from_value(value: #krate::ValueRef<'_>) -> #private::Result<Self, #krate::ValueError> {
                match #private::enum_text(value, #name, #expected)? {
                    #(#texts => #private::Result::Ok(Self::#idents),)*
                    _ => #private::unknown_variant(value, #name, #expected),
                }
            }
        }
    }
}

fn newtype(ident: &Ident, inner: &Type, krate: &TokenStream) -> TokenStream {
    let private = quote!(#krate::__private);
    quote_spanned! {inner.span()=>
        #[automatically_derived]
        impl #krate::ColumnValue for #ident {
            type Base = Self;
            const TYPE: #krate::ColumnType = <#inner as #krate::ColumnValue>::TYPE;
            const __DEFAULT: #private::TakesDefault = <#inner as #krate::ColumnValue>::__DEFAULT;
            const __IS_TIME: bool = <#inner as #krate::ColumnValue>::__IS_TIME;

            fn into_value(self) -> #private::Result<#krate::SqlValue, #krate::ValueError> {
                <#inner as #krate::ColumnValue>::into_value(self.0)
            }

            fn from_value(value: #krate::ValueRef<'_>) -> #private::Result<Self, #krate::ValueError> {
                <#inner as #krate::ColumnValue>::from_value(value).map(Self)
            }
        }
    }
}
