//! What each macro expands to: `tests/name.in.rs` beside `tests/name.out.rs`. To rewrite: `UPDATE=1 cargo test -p
//! livestore-macros`. Growth shows in the diff, and [`budget`] bounds it.

mod budget;
mod names;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use std::path::PathBuf;
use syn::{Attribute, Item, Meta};

#[test]
fn event() {
    check("event");
}

#[test]
fn event_options() {
    check("event_options");
}

#[test]
fn table() {
    check("table");
}

#[test]
fn table_options() {
    check("table_options");
}

#[test]
fn client_document() {
    check("client_document");
}

#[test]
fn schema() {
    check("schema");
}

#[test]
fn materializers() {
    check("materializers");
}

#[test]
fn column_value() {
    check("column_value");
}

#[test]
fn from_row() {
    check("from_row");
}

#[test]
fn mistakes() {
    check("mistakes");
}

fn check(name: &str) {
    let path = |kind: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/tests/{name}.{kind}.rs"));
    let input = std::fs::read_to_string(path("in")).unwrap();
    let expanded = expand(&input);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path("out"), &expanded).unwrap();
    }
    let expected = std::fs::read_to_string(path("out")).unwrap();
    assert!(expected == expanded, "`{name}.out.rs` is not what `{name}.in.rs` expands to, which is\n{expanded}");
}

/// Expands our attributes and derives on every item, as text.
fn expand(input: &str) -> String {
    let items = syn::parse_file(input).unwrap().items;
    let expanded: TokenStream = items.into_iter().map(expand_item).collect();
    prettyplease::unparse(&syn::parse2(expanded).unwrap())
}

fn expand_item(mut item: Item) -> TokenStream {
    let attrs = match &mut item {
        Item::Struct(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        Item::Impl(item) => &mut item.attrs,
        _ => panic!("expected a struct, an enum or an impl"),
    };
    let attr = attrs.remove(0);
    let args = args(&attr);
    let item = item.to_token_stream();
    match &*attr.path().require_ident().unwrap().to_string() {
        "event" => crate::event::expand(args, &item),
        "table" => crate::table::expand(args, &item),
        "client_document" => crate::document::expand(args, &item),
        "schema" => crate::schema::expand(args, &item),
        "materializers" => crate::materializers::expand(args, &item),
        "derive" => {
            let derived = match &*args.to_string() {
                "ColumnValue" => crate::column_value::expand(item.clone()),
                "FromRow" => crate::from_row::expand(item.clone()),
                other => panic!("`{other}` is no derive of ours"),
            };
            quote!(#item #derived)
        }
        other => panic!("`{other}` is no macro of ours"),
    }
}

fn args(attr: &Attribute) -> TokenStream {
    match &attr.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
    }
}
