use crate::attr::{self, NamedArgs, Opt, OptValue};
use crate::errors::Errors;
use crate::{debug, names};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Fields, Ident, Item, ItemStruct, Lit, LitStr, Member, Type, Visibility};

const OPTIONS: &[&str] = &["client_only", "primary_key", "index", "unique", "check", "crate"];
const COLUMN_OPTIONS: &[&str] =
    &["primary_key", "index", "unique", "default", "references", "on_delete", "check", "name", "iso8601"];
const MISSING: &str = "expected the table's SQL name, for example `#[table(\"todos\")]`";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = errors.keep(attr::named_args(args, MISSING));
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(mut item)) => {
            let model = Model::new(args.as_ref(), &mut item, &mut errors);
            let expanded = if errors.is_empty() { model.expand(&item) } else { model.expand_columns(&item) };
            let errors = errors.into_tokens();
            let name = item.ident.to_string();
            debug::show(
                &name,
                quote! {
                    #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
                    #item
                    #expanded
                    #errors
                },
            )
        }
        _ => {
            errors.at(&item, "a table is a struct: one field for each column");
            let errors = errors.into_tokens();
            quote!(#item #errors)
        }
    }
}

/// A table as the user described it.
struct Model {
    krate: TokenStream,
    name: LitStr,
    client_only: bool,
    columns: Vec<ColumnModel>,
    /// SQL names, with the place to blame.
    primary_key: Vec<(String, proc_macro2::Span)>,
    indexes: Vec<(Vec<String>, bool)>,
    checks: Vec<LitStr>,
}

struct ColumnModel {
    field: Ident,
    vis: Visibility,
    ty: Type,
    name: String,
    options: Vec<Opt>,
}

impl ColumnModel {
    fn option(&self, name: &str) -> Option<&Opt> {
        self.options.iter().find(|option| option.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.option(name).is_some()
    }
}

impl Model {
    fn new(args: Option<&NamedArgs>, item: &mut ItemStruct, errors: &mut Errors) -> Self {
        let options: &[Opt] = args.map_or(&[], |args| &args.options);
        attr::check_options(options, OPTIONS, &["index", "unique", "check"]).into_iter().for_each(|e| errors.add(e));
        attr::doubled_derives(&item.attrs, &["Clone", "Debug", "PartialEq"]).into_iter().for_each(|e| errors.add(e));
        let name =
            args.map_or_else(|| LitStr::new(&names::unraw(&item.ident), item.ident.span()), |args| args.name.clone());
        errors.keep(names::check_table_name(&name));
        if !item.generics.params.is_empty() {
            errors.at(&item.generics, "a table has no parameters: its columns are fixed");
        }
        let mut model = Self {
            krate: attr::crate_path(options),
            name,
            client_only: options.iter().any(|option| option.name == "client_only"),
            columns: columns(item, errors),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
        };
        model.read_options(options, item, errors);
        model.check_columns(errors);
        model
    }

    fn read_options(&mut self, options: &[Opt], item: &ItemStruct, errors: &mut Errors) {
        let at_columns: Vec<_> = self.columns.iter().filter(|column| column.has("primary_key")).collect();
        for extra in at_columns.iter().skip(1) {
            let message = "a second primary key; for a key of several columns write `primary_key(a, b)` at the table";
            errors.at(&extra.field, message);
        }
        self.primary_key = at_columns.iter().take(1).map(|column| (column.name.clone(), column.field.span())).collect();
        for option in options {
            match &*option.name.to_string() {
                "client_only" => drop(errors.keep(option.flag())),
                "primary_key" => {
                    if !self.primary_key.is_empty() {
                        errors.at(&option.name, "a second primary key; one stands at a column already");
                    }
                    if let Some(columns) = self.named(option, errors) {
                        self.primary_key = columns;
                    }
                }
                kind @ ("index" | "unique") => {
                    let is_unique = kind == "unique";
                    if let Some(columns) = self.named(option, errors) {
                        self.indexes.push((columns.into_iter().map(|(name, _)| name).collect(), is_unique));
                    }
                }
                "check" => self.checks.extend(errors.keep(option.text())),
                _ => {}
            }
        }
        if self.primary_key.is_empty() && !self.columns.is_empty() {
            errors.at(&item.ident, "a table needs a primary key; write `#[column(primary_key)]` at a field");
        }
    }

    /// Fields as the SQL names of their columns.
    fn named(&self, option: &Opt, errors: &mut Errors) -> Option<Vec<(String, proc_macro2::Span)>> {
        let fields = errors.keep(option.idents())?;
        let mut named = Vec::new();
        for field in &fields {
            match self.columns.iter().find(|column| column.field == *field) {
                Some(column) => named.push((column.name.clone(), field.span())),
                None => errors.at(field, format!("the table has no column `{}`", names::unraw(field))),
            }
        }
        Some(named)
    }

    fn check_columns(&self, errors: &mut Errors) {
        for (index, column) in self.columns.iter().enumerate() {
            let same = |earlier: &&ColumnModel| earlier.name.eq_ignore_ascii_case(&column.name);
            if self.columns[..index].iter().any(|earlier| same(&earlier)) {
                errors.at(&column.field, format!("two columns are named `{}`", column.name));
            }
            let found = attr::check_options(&column.options, COLUMN_OPTIONS, &[]);
            found.into_iter().for_each(|error| errors.add(error));
            for flag in ["primary_key", "index", "unique", "iso8601"] {
                if let Some(option) = column.option(flag) {
                    errors.keep(option.flag());
                }
            }
            if let (Some(option), false) = (column.option("on_delete"), column.has("references")) {
                errors.at(&option.name, "`on_delete` belongs to `references`");
            }
            if let (Some(option), true) = (column.option("default"), column.has("iso8601")) {
                errors.at(&option.name, "an `iso8601` column has no default; put the time into the event");
            }
            for text in ["check", "name"] {
                if let Some(option) = column.option(text) {
                    errors.keep(option.text());
                }
            }
            if let Some(option) = column.option("references") {
                errors.keep(reference(option));
            }
            if let Some(option) = column.option("on_delete") {
                errors.keep(on_delete(option));
            }
            if let Some(option) = column.option("default") {
                errors.keep(default_literal(option));
            }
        }
    }

    /// `pub struct TodoColumns { pub id: Column<Todo, String>, … }`
    fn expand_columns(&self, item: &ItemStruct) -> TokenStream {
        if self.columns.is_empty() {
            return TokenStream::new();
        }
        let krate = &self.krate;
        let (ident, vis) = (&item.ident, &item.vis);
        let columns = names::derived(ident, "Columns", ident.span());
        let doc = format!("The columns of table `{}`.", self.name.value());
        let fields = self.columns.iter().map(|column| {
            let (field, vis, ty) = (&column.field, &column.vis, &column.ty);
            let doc = format!("The column `{}`.", column.name);
            quote!(#[doc = #doc] #vis #field: #krate::Column<#ident, #ty>,)
        });
        quote! {
            #[doc = #doc]
            #[derive(::core::fmt::Debug)]
            #[allow(dead_code)]
            #vis struct #columns { #(#fields)* }
        }
    }

    fn expand(&self, item: &ItemStruct) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let ident = &item.ident;
        let columns_struct = self.expand_columns(item);
        let columns = names::derived(ident, "Columns", ident.span());
        let column_values = self.columns.iter().map(|column| {
            let (field, name) = (&column.field, &column.name);
            let make = if column.has("iso8601") { quote!(__iso8601) } else { quote!(__new) };
            quote!(#field: #krate::Column::#make(#name),)
        });
        let new_row = self.columns.iter().map(|column| {
            let field = &column.field;
            quote!(#field: <Self as #krate::Table>::COLUMNS.#field.__of_new_row(),)
        });
        let defs = self.columns.iter().map(|column| self.column_def(column));
        let reads = self.columns.iter().enumerate().map(|(index, column)| {
            let field = &column.field;
            quote!(#field: row.get(#index)?,)
        });
        let writes = self.columns.iter().map(|column| {
            let (field, ty) = (&column.field, &column.ty);
            let value = quote_spanned!(ty.span()=> <#ty as #krate::ColumnValue>::into_value(self.#field)?);
            if column.has("iso8601") { quote!(#private::iso8601(#value)?,) } else { quote!(#value,) }
        });
        let keys = self.primary_key.iter().map(|(name, _)| name);
        let indexes = self
            .indexes
            .iter()
            .map(|(columns, unique)| quote!(#private::IndexDef { columns: &[#(#columns),*], unique: #unique },));
        let (name, checks, client_only) = (&self.name, &self.checks, self.client_only);
        let const_checks = self.const_checks();
        quote! {
            #columns_struct

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

            #const_checks
        }
    }

    fn column_def(&self, column: &ColumnModel) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let (name, ty) = (&column.name, &column.ty);
        let is_iso8601 = column.has("iso8601");
        let column_type = quote_spanned!(ty.span()=> <#ty as #krate::ColumnValue>::TYPE);
        let column_type = if is_iso8601 { quote!(#private::text(#column_type)) } else { column_type };
        let none = quote!(#private::None);
        let default = column
            .option("default")
            .and_then(|option| default_literal(option).ok())
            .map_or_else(|| none.clone(), |default| default.expand(ty, &private));
        let references = column
            .option("references")
            .and_then(|option| reference(option).ok())
            .map_or_else(|| none.clone(), |target| self.reference_def(column, &target));
        let check = column
            .option("check")
            .and_then(|option| option.text().ok())
            .map_or_else(|| none.clone(), |text| quote!(#private::Some(#text)));
        let (indexed, unique) = (column.has("index"), column.has("unique"));
        quote! {
            #private::ColumnDef {
                name: #name,
                ty: #column_type,
                default: #default,
                indexed: #indexed,
                unique: #unique,
                references: #references,
                check: #check,
            },
        }
    }

    fn reference_def(&self, column: &ColumnModel, target: &Reference) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let (table, field) = (&target.table, &target.column);
        let action = column.option("on_delete").and_then(|option| on_delete(option).ok()).unwrap_or("Restrict");
        let action = Ident::new(action, field.span());
        quote_spanned! {field.span()=>
            #private::Some(#private::ReferenceDef {
                table: <#table as #krate::Table>::NAME,
                column: <#table as #krate::Table>::COLUMNS.#field.name(),
                on_delete: #private::ForeignKeyAction::#action,
                client_only: <#table as #krate::Table>::CLIENT_ONLY,
            })
        }
    }

    /// What only the type system knows: each check blames the user's token.
    fn const_checks(&self) -> TokenStream {
        let krate = &self.krate;
        let private = quote!(#krate::__private);
        let mut checks = TokenStream::new();
        for (name, span) in &self.primary_key {
            let Some(column) = self.columns.iter().find(|column| column.name == *name) else { continue };
            let ty = &column.ty;
            let message = format!("primary key column `{name}` cannot be an `Option`: a key is never NULL");
            checks.extend(quote_spanned! {*span=>
                const _: () = ::core::assert!(!<#ty as #krate::ColumnValue>::TYPE.nullable, #message);
            });
        }
        for column in &self.columns {
            let ty = &column.ty;
            if column.has("iso8601") {
                checks.extend(quote_spanned!(ty.span()=> const _: () = #private::assert_timestamp::<#ty>();));
            }
            let Some(target) = column.option("references").and_then(|option| reference(option).ok()) else { continue };
            let (table, field) = (&target.table, &target.column);
            let message = format!("foreign key `{}` crosses between synced and client-only tables", column.name);
            let client_only = self.client_only;
            checks.extend(quote_spanned! {field.span()=>
                const _: () = #private::assert_same_base::<#ty, _, _>(&<#table as #krate::Table>::COLUMNS.#field);
                const _: () = ::core::assert!(<#table as #krate::Table>::CLIENT_ONLY == #client_only, #message);
            });
            if column.option("on_delete").and_then(|option| on_delete(option).ok()) == Some("SetNull") {
                let message = format!("`on_delete = set_null` needs column `{}` to be an `Option`", column.name);
                checks.extend(quote_spanned! {ty.span()=>
                    const _: () = ::core::assert!(<#ty as #krate::ColumnValue>::TYPE.nullable, #message);
                });
            }
        }
        checks
    }
}

fn columns(item: &mut ItemStruct, errors: &mut Errors) -> Vec<ColumnModel> {
    let Fields::Named(fields) = &mut item.fields else {
        errors.at(&item.ident, "a table has named fields: one for each column");
        return Vec::new();
    };
    let mut columns = Vec::new();
    for field in &mut fields.named {
        let options = errors.keep(attr::take_options(&mut field.attrs, "column")).unwrap_or_default();
        let Some(ident) = field.ident.clone() else { continue };
        let renamed = options.iter().find(|option| option.name == "name").and_then(|option| option.text().ok());
        let name = renamed.map_or_else(|| names::unraw(&ident), |text| text.value());
        columns.push(ColumnModel { field: ident, vis: field.vis.clone(), ty: field.ty.clone(), name, options });
    }
    if columns.is_empty() {
        errors.at(&item.ident, "a table needs at least one column");
    }
    columns
}

/// `Other.column`
struct Reference {
    table: TokenStream,
    column: Ident,
}

fn reference(option: &Opt) -> syn::Result<Reference> {
    if let OptValue::Expr(Expr::Field(field)) = &option.value
        && let (Expr::Path(table), Member::Named(column)) = (&*field.base, &field.member)
    {
        return Ok(Reference { table: table.to_token_stream(), column: column.clone() });
    }
    Err(syn::Error::new(option.name.span(), "write `references = Other.column`"))
}

fn on_delete(option: &Opt) -> syn::Result<&'static str> {
    match option.expr()?.to_token_stream().to_string().as_str() {
        "cascade" => Ok("Cascade"),
        "restrict" => Ok("Restrict"),
        "set_null" => Ok("SetNull"),
        _ => Err(syn::Error::new_spanned(option.expr()?, "expected one of: `cascade`, `restrict`, `set_null`")),
    }
}

/// A default: what kind of constant it is decides which columns take it.
struct DefaultLiteral {
    kind: &'static str,
    value: TokenStream,
    blame: TokenStream,
}

fn default_literal(option: &Opt) -> syn::Result<DefaultLiteral> {
    let expr = option.expr()?;
    let (kind, value) = match literal(expr) {
        Some(Lit::Str(text)) => ("TextDefault", quote!(ConstValue::Text(#text))),
        Some(Lit::Bool(flag)) => ("BoolDefault", quote!(ConstValue::Integer(#flag as i64))),
        Some(Lit::Int(_)) => ("IntegerDefault", quote!(ConstValue::Integer(#expr))),
        Some(Lit::Float(_)) => ("RealDefault", quote!(ConstValue::Real(#expr))),
        Some(Lit::ByteStr(bytes)) => ("BlobDefault", quote!(ConstValue::Blob(#bytes))),
        None if matches!(expr, Expr::Path(_)) => ("", quote!(#expr)),
        _ => {
            let message = "a default is a constant: a literal, or a variant of an enum column; anything else belongs into the event";
            return Err(syn::Error::new_spanned(expr, message));
        }
    };
    Ok(DefaultLiteral { kind, value, blame: expr.to_token_stream() })
}

/// The literal, looking through a minus sign.
fn literal(expr: &Expr) -> Option<&Lit> {
    match expr {
        Expr::Lit(literal) => Some(&literal.lit),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => match literal(&unary.expr) {
            Some(literal @ (Lit::Int(_) | Lit::Float(_))) => Some(literal),
            _ => None,
        },
        _ => None,
    }
}

impl DefaultLiteral {
    fn expand(&self, ty: &Type, private: &TokenStream) -> TokenStream {
        let value = &self.value;
        let span = self.blame.span();
        if self.kind.is_empty() {
            // A variant: its own type must be that of the column.
            return quote_spanned! {span=>
                #private::Some({
                    #private::assert_takes_value::<#ty, _>(&#value);
                    (#value).__livestore_const()
                })
            };
        }
        let kind = Ident::new(self.kind, span);
        quote_spanned! {span=>
            #private::Some({
                #private::assert_takes::<#ty, #private::#kind>();
                #private::#value
            })
        }
    }
}
