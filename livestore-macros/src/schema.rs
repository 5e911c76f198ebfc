use crate::attr::{self, Opt, OptValue};
use crate::errors::Errors;
use crate::{debug, names};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Fields, Ident, ItemStruct, Path, Token};

const OPTIONS: &[&str] = &["events", "tables", "documents", "crate"];

const NOT_A_UNIT: &str = "a schema is a unit struct: `pub struct App;`";

/// `path` or `path as Name`.
#[derive(Clone)]
struct Entry {
    path: Path,
    name: Ident,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path: Path = input.call(Path::parse_mod_style)?;
        if input.peek(Token![<]) {
            return Err(input.error("a listed type has no parameters"));
        }
        let name = if input.peek(Token![as]) {
            input.parse::<Token![as]>()?;
            input.parse()?
        } else {
            let last = path.segments.last().map(|segment| segment.ident.clone());
            last.ok_or_else(|| syn::Error::new_spanned(&path, "expected a type"))?
        };
        Ok(Self { path, name })
    }
}

/// What the lists say.
struct Model {
    krate: TokenStream,
    events: Vec<Entry>,
    tables: Vec<Entry>,
    documents: Vec<Entry>,
}

pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = errors
        .keep(Punctuated::<Opt, Token![,]>::parse_terminated.parse2(args))
        .map(|options| options.into_iter().collect::<Vec<_>>())
        .unwrap_or_default();
    attr::check_options(&options, OPTIONS, &[], &mut errors);
    let model = Model {
        krate: attr::crate_path(&options),
        events: list(&options, "events", &mut errors),
        tables: list(&options, "tables", &mut errors),
        documents: list(&options, "documents", &mut errors),
    };
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
    check_events(&model, &mut errors);
    let expanded = expand_schema(&model, &schema);
    let errors = errors.into_tokens();
    debug::show(&schema.ident.to_string(), quote!(#schema #expanded #errors))
}

fn list(options: &[Opt], name: &str, errors: &mut Errors) -> Vec<Entry> {
    let Some(option) = options.iter().find(|option| option.name == name) else { return Vec::new() };
    let OptValue::List(tokens) = &option.value else {
        errors.at(&option.name, format!("write `{name}(First, Second)`"));
        return Vec::new();
    };
    let parsed = errors.keep(Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens.clone()));
    let entries: Vec<Entry> = parsed.into_iter().flatten().collect();
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        let text = entry.path.to_token_stream().to_string();
        match kept.iter().any(|earlier| earlier.path.to_token_stream().to_string() == text) {
            true => errors.at(&entry.path, format!("`{}` is listed twice", entry.name)),
            false => kept.push(entry),
        }
    }
    kept
}

fn check_events(model: &Model, errors: &mut Errors) {
    for (index, entry) in model.events.iter().enumerate() {
        if model.events[..index].iter().any(|earlier| earlier.name == entry.name) {
            let message =
                format!("two events are named `{0}` here; write `{1} as Other{0}`", entry.name, path_text(&entry.path));
            errors.at(&entry.path, message);
        }
    }
}

fn path_text(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}

/// One variant of the event enum: an event of the list, or the set event of a document.
struct Variant {
    name: Ident,
    /// The payload type.
    ty: TokenStream,
    /// The document, for a set event.
    document: Option<Path>,
    shown: String,
}

fn variants(model: &Model) -> Vec<Variant> {
    let krate = &model.krate;
    let mut seen = std::collections::BTreeSet::new();
    let events = model.events.iter().filter(|entry| seen.insert(entry.name.to_string())).map(|entry| Variant {
        name: entry.name.clone(),
        ty: entry.path.to_token_stream(),
        document: None,
        shown: path_text(&entry.path),
    });
    let documents = model.documents.iter().map(|entry| {
        let path = &entry.path;
        Variant {
            name: names::derived(&entry.name, "Set", entry.name.span()),
            ty: quote_spanned!(path.span()=> <#path as #krate::ClientDocument>::Set),
            document: Some(path.clone()),
            shown: path_text(path),
        }
    });
    events.chain(documents).collect()
}

fn expand_schema(model: &Model, schema: &ItemStruct) -> TokenStream {
    let krate = &model.krate;
    let (ident, vis) = (&schema.ident, &schema.vis);
    let events = names::derived(ident, "Event", ident.span());
    let variants = variants(model);
    let enum_doc = format!("Any event of schema [`{}`].", names::unraw(ident));
    let variant_docs = variants.iter().map(|variant| match &variant.document {
        None => format!("The event `{}`.", variant.shown),
        Some(_) => format!("Sets the document `{}`.", variant.shown),
    });
    let names: Vec<_> = variants.iter().map(|variant| &variant.name).collect();
    let types: Vec<_> = variants.iter().map(|variant| &variant.ty).collect();
    let body = expand_impls(model, ident, &events, &variants);
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

fn expand_impls(model: &Model, ident: &Ident, events: &Ident, variants: &[Variant]) -> TokenStream {
    let krate = &model.krate;
    let private = quote!(#krate::__private);
    let shown = names::unraw(ident);
    let tables: Vec<_> = model.tables.iter().map(|entry| &entry.path).collect();
    let documents: Vec<_> = model.documents.iter().map(|entry| &entry.path).collect();
    // Locals stand where the attribute does: a path that came in through a `macro_rules!` would not see them.
    let (event, session, args, cx) = (quote!(event), quote!(session), quote!(args), quote!(cx));
    let (mut defs, mut encodes, mut decodes, mut materializes, mut commits, mut entries) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, variant) in variants.iter().enumerate() {
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
    let checks = name_checks(&private, krate, model, variants);
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

/// What no two events and no two tables may share, and what a table may refer to. The messages are made here: a helper that
/// panics would show the library's source.
fn name_checks(private: &TokenStream, krate: &TokenStream, model: &Model, variants: &[Variant]) -> TokenStream {
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
