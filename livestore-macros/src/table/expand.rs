use super::model::{Column, Model};
use super::reference::Reference;
use crate::names;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemStruct};

impl Model {
    /// `struct TodoColumns { … }` and `impl Table for Todo { … }`
    pub(super) fn expand(&self, item: &ItemStruct) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let ident = &item.ident;
        let columns = names::derived(ident, "Columns", ident.span());
        let columns_struct = self.columns_struct(item, &columns);
        let column_values = self.columns.iter().map(|column| {
            let (field, name) = (&column.field, &column.name);
            let make = if column.iso8601.is_some() { quote!(__iso8601) } else { quote!(__new) };
            quote!(#field: #krate::Column::#make(#name),)
        });
        let new_row = self.columns.iter().map(|column| {
            let field = &column.field;
            quote!(#field: <Self as #krate::Table>::COLUMNS.#field.__of_new_row(),)
        });
        let defs = self.columns.iter().map(|column| self.column_def(column));
        // Locals stand where the attribute does: a type that came in through a `macro_rules!` would not see them.
        let row = quote!(row);
        let reads = self.columns.iter().enumerate().map(|(index, column)| {
            let (field, ty) = (&column.field, &column.ty);
            let read = quote_spanned!(ty.span()=> <#ty as #krate::ColumnValue>::__get(#row, #index)?);
            quote!(#field: #read,)
        });
        let writes = self.columns.iter().map(|column| self.write(column));
        let keys = self.primary_key.iter().map(|(name, _)| name);
        let indexes = self.indexes.iter().map(|index| {
            let (columns, unique) = (&index.columns, index.unique);
            quote!(#private::IndexDef { columns: &[#(#columns),*], unique: #unique },)
        });
        let (name, checks, client_only) = (&self.name, &self.checks, self.client_only);
        quote! {
            #columns_struct

            #[allow(deprecated)]
            #[automatically_derived]
            impl #krate::Table for #ident {
                type Columns = #columns;
                const COLUMNS: #columns = #columns { #(#column_values)* };
                const NEW_ROW: #columns = #columns { #(#new_row)* };
                const NAME: &'static str = #name;
                const CLIENT_ONLY: bool = #client_only;
                const DEF: &'static #private::TableDef = &#private::TableDef {
                    name: #name,
                    columns: &[#(#defs)*],
                    primary_key: &[#(#keys),*],
                    indexes: &[#(#indexes)*],
                    checks: &[#(#checks),*],
                    client_only: #client_only,
                };

                fn from_row(row: &#krate::Row<'_>) -> #private::Result<Self, #krate::QueryError> {
                    #private::Result::Ok(Self { #(#reads)* })
                }

                fn into_values(
                    self,
                ) -> #private::Result<#private::Vec<#krate::SqlValue>, #krate::QueryError> {
                    #private::Result::Ok(#private::vec![#(#writes)*])
                }
            }
        }
    }

    /// `pub struct TodoColumns { pub id: Column<Todo, String>, … }`
    fn columns_struct(&self, item: &ItemStruct, columns: &Ident) -> TokenStream {
        let krate = &self.krate;
        let (ident, vis) = (&item.ident, &item.vis);
        let doc = format!("The columns of table `{}`.", self.name.value());
        let fields = self.columns.iter().map(|column| {
            let (field, vis, ty) = (&column.field, &column.vis, &column.ty);
            let doc = format!("The column `{}`.", column.name);
            quote!(#[doc = #doc] #vis #field: #krate::Column<#ident, #ty>,)
        });
        quote! {
            #[doc = #doc]
            #[allow(dead_code, deprecated)]
            #[derive(::core::fmt::Debug)]
            #vis struct #columns { #(#fields)* }
        }
    }

    fn write(&self, column: &Column) -> TokenStream {
        let krate = &self.krate;
        let (field, ty) = (&column.field, &column.ty);
        let this = quote!(self);
        let value = quote_spanned!(ty.span()=> <#ty as #krate::ColumnValue>::into_value(#this.#field)?);
        match column.iso8601 {
            Some(_) => quote!(#krate::__private::iso8601(#value)?,),
            None => quote!(#value,),
        }
    }

    /// `ColumnDef::new("text", <String as ColumnValue>::TYPE).with_default(ConstValue::Text(""))`
    fn column_def(&self, column: &Column) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let (name, ty) = (&column.name, &column.ty);
        let column_type = quote_spanned!(ty.span()=> <#ty as #krate::ColumnValue>::TYPE);
        let column_type = match column.iso8601 {
            Some(_) => quote!(#private::text(#column_type)),
            None => column_type,
        };
        let default = column.default.as_ref().map(|default| {
            let value = default.expand(&private);
            quote!(.with_default(#value))
        });
        let index = column.index.then(|| quote!(.with_index()));
        let unique = column.unique.then(|| quote!(.with_unique_index()));
        let references = column.references.as_ref().map(|target| self.reference_def(target));
        let check = column.check.as_ref().map(|text| quote!(.with_check(#text)));
        quote!(#private::ColumnDef::new(#name, #column_type) #default #index #unique #references #check,)
    }

    fn reference_def(&self, target: &Reference) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let (table, field) = (&target.table, &target.column);
        let action = Ident::new(target.on_delete.variant, field.span());
        quote_spanned! {field.span()=>
            .with_reference(#private::ReferenceDef {
                table: <#table as #krate::Table>::NAME,
                column: <#table as #krate::Table>::COLUMNS.#field.name(),
                on_delete: #private::ForeignKeyAction::#action,
                client_only: <#table as #krate::Table>::CLIENT_ONLY,
            })
        }
    }
}
