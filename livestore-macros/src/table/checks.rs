use super::model::{Column, Model};
use super::reference::Reference;
use crate::names;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

impl Model {
    /// What only the type system knows. Each check blames the user's token, in a message made here: a helper that panics would
    /// show the library's source.
    pub(super) fn checks(&self) -> TokenStream {
        let keys = self.primary_key.iter().map(|(name, place)| {
            let column = self.columns.iter().find(|column| column.name == *name);
            column.map(|column| self.key_check(column, *place))
        });
        let columns = self.columns.iter().map(|column| {
            let time = column.iso8601.map(|place| self.time_check(column, place));
            let default = column.default.as_ref().map(|default| default.check(&column.ty, &self.krate));
            let reference = column.references.as_ref().map(|target| self.reference_checks(column, target));
            quote!(#default #time #reference)
        });
        let (keys, columns): (TokenStream, TokenStream) = (keys.flatten().collect(), columns.collect());
        quote!(#keys #columns)
    }

    fn key_check(&self, column: &Column, place: Span) -> TokenStream {
        let (krate, ty, name) = (&self.krate, &column.ty, names::assertion(&column.name));
        let message = format!("primary key column `{name}` cannot be an `Option`: a key is never NULL");
        quote_spanned! {place=>
            const _: () = ::core::assert!(!<#ty as #krate::ColumnValue>::TYPE.nullable, #message);
        }
    }

    fn time_check(&self, column: &Column, place: Span) -> TokenStream {
        let (krate, ty) = (&self.krate, &column.ty);
        let shown = names::shown(ty);
        let message = format!("an `iso8601` column holds a `Timestamp`, not a `{shown}`");
        quote_spanned!(place=> const _: () = ::core::assert!(<#ty as #krate::ColumnValue>::__IS_TIME, #message);)
    }

    fn reference_checks(&self, column: &Column, target: &Reference) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let (ty, name, client_only) = (&column.ty, names::assertion(&column.name), self.client_only);
        let (table, field) = (&target.table, &target.column);
        let place = field.span();
        let crosses = format!("foreign key `{name}` crosses between synced and client-only tables");
        let no_key = format!("foreign key `{name}` refers to a column that is neither the primary key nor `unique`");
        let needs_option = format!("`on_delete = set_null` needs column `{name}` to be an `Option`");
        let set_null = (target.on_delete.variant == "SetNull").then(|| {
            quote_spanned! {target.on_delete.place=>
                const _: () = ::core::assert!(<#ty as #krate::ColumnValue>::TYPE.nullable, #needs_option);
            }
        });
        let blamed = names::blamed(ty, field.span());
        let column = quote_spanned!(place=> <#table as #krate::Table>::COLUMNS.#field);
        quote_spanned! {place=>
            const _: #krate::Column<#table, <#blamed as #krate::ColumnValue>::Base> = #column.__base();
            const _: () = ::core::assert!(<#table as #krate::Table>::CLIENT_ONLY == #client_only, #crosses);
            const _: () = ::core::assert!(
                #private::is_key(<#table as #krate::Table>::DEF, #column.name()),
                #no_key
            );
            #set_null
        }
    }
}
