use super::default::DefaultConstant;
use super::reference::Reference;
use crate::attr::{self, NamedArgs, Opt};
use crate::errors::Errors;
use crate::names;
use proc_macro2::{Span, TokenStream};
use syn::{Field, Fields, Ident, ItemStruct, LitStr, Type, Visibility};

const OPTIONS: &[&str] = &["client_only", "primary_key", "index", "unique", "check", "crate"];
const REPEATABLE: &[&str] = &["index", "unique", "check"];
const COLUMN_OPTIONS: &[&str] =
    &["primary_key", "index", "unique", "default", "references", "on_delete", "check", "name", "iso8601"];

/// A table as the user described it.
pub(super) struct Model {
    pub(super) krate: TokenStream,
    pub(super) name: LitStr,
    pub(super) client_only: bool,
    pub(super) columns: Vec<Column>,
    /// SQL names, with the place to blame.
    pub(super) primary_key: Vec<(String, Span)>,
    pub(super) indexes: Vec<Index>,
    pub(super) checks: Vec<LitStr>,
}

/// An index over several columns.
#[derive(PartialEq)]
pub(super) struct Index {
    pub(super) columns: Vec<String>,
    pub(super) unique: bool,
}

/// A field, and what `#[column(...)]` says about it.
pub(super) struct Column {
    pub(super) field: Ident,
    pub(super) vis: Visibility,
    pub(super) ty: Type,
    pub(super) name: String,
    pub(super) primary_key: bool,
    pub(super) index: bool,
    pub(super) unique: bool,
    /// The word, to blame.
    pub(super) iso8601: Option<Span>,
    pub(super) default: Option<DefaultConstant>,
    pub(super) references: Option<Reference>,
    pub(super) check: Option<LitStr>,
}

impl Model {
    pub(super) fn new(args: Option<&NamedArgs>, item: &mut ItemStruct, errors: &mut Errors) -> Self {
        let options: &[Opt] = args.map_or(&[], |args| &args.options);
        attr::check_options(options, OPTIONS, REPEATABLE, errors);
        let name = args.map_or_else(|| names::text_of(&item.ident), |args| args.name.clone());
        if args.is_some() {
            errors.keep(names::check_table_name(&name));
        }
        if !item.generics.params.is_empty() {
            errors.at(&item.generics, "a table has no parameters: its columns are fixed");
        }
        let mut model = Self {
            krate: attr::crate_path(options),
            name,
            client_only: attr::has_flag(options, "client_only", errors),
            columns: columns(item, errors),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
        };
        model.check_names(errors);
        model.read_options(options, errors);
        model.read_primary_key(options, item, errors);
        model
    }

    /// Whether impls for the item would be valid Rust.
    pub(super) fn has_its_shape(&self, item: &ItemStruct) -> bool {
        !self.columns.is_empty() && item.generics.params.is_empty()
    }

    /// SQLite folds the case of names.
    fn check_names(&self, errors: &mut Errors) {
        for (index, column) in self.columns.iter().enumerate() {
            let is_taken = self.columns[..index].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&column.name));
            if is_taken {
                errors.at(&column.field, format!("two columns are named `{}`", column.name));
            }
        }
    }

    fn read_options(&mut self, options: &[Opt], errors: &mut Errors) {
        for option in options {
            match &*option.name.to_string() {
                kind @ ("index" | "unique") => {
                    let Some(columns) = self.named(option, errors) else { continue };
                    let columns: Vec<_> = columns.into_iter().map(|(name, _)| name).collect();
                    let index = Index { columns, unique: kind == "unique" };
                    if self.has_index(&index) {
                        errors
                            .at(&option.name, format!("there is an index over ({}) already", index.columns.join(", ")));
                    }
                    self.indexes.push(index);
                }
                "check" => self.checks.extend(errors.keep(option.text())),
                _ => {}
            }
        }
    }

    fn has_index(&self, index: &Index) -> bool {
        let is_at_column = |column: &Column| {
            let has_it = if index.unique { column.unique } else { column.index };
            has_it && index.columns == [&*column.name]
        };
        self.indexes.contains(index) || self.columns.iter().any(is_at_column)
    }

    fn read_primary_key(&mut self, options: &[Opt], item: &ItemStruct, errors: &mut Errors) {
        let at_columns: Vec<_> = self.columns.iter().filter(|column| column.primary_key).collect();
        for extra in at_columns.iter().skip(1) {
            let message = "a second primary key; for a key of several columns write `primary_key(a, b)` at the table";
            errors.at(&extra.field, message);
        }
        let first = at_columns.first().map(|column| vec![(column.name.clone(), column.field.span())]);
        let option = attr::find(options, "primary_key");
        if let (Some(option), true) = (option, first.is_some()) {
            errors.at(&option.name, "a second primary key; one stands at a column already");
        }
        self.primary_key = first.or_else(|| self.named(option?, errors)).unwrap_or_default();
        // A key of unknown columns was told already.
        if self.primary_key.is_empty() && option.is_none() && !self.columns.is_empty() {
            errors.at(&item.ident, "a table needs a primary key; write `#[column(primary_key)]` at a field");
        }
    }

    /// Fields as the SQL names of their columns.
    fn named(&self, option: &Opt, errors: &mut Errors) -> Option<Vec<(String, Span)>> {
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
}

fn columns(item: &mut ItemStruct, errors: &mut Errors) -> Vec<Column> {
    let Fields::Named(fields) = &mut item.fields else {
        errors.at(&item.ident, "a table has named fields: one for each column");
        return Vec::new();
    };
    let columns: Vec<_> = fields.named.iter_mut().filter_map(|field| Column::new(field, errors)).collect();
    if columns.is_empty() {
        errors.at(&item.ident, "a table needs at least one column");
    }
    columns
}

impl Column {
    fn new(field: &mut Field, errors: &mut Errors) -> Option<Self> {
        let options = &errors.keep(attr::take_options(&mut field.attrs, "column")).unwrap_or_default();
        attr::check_options(options, COLUMN_OPTIONS, &[], errors);
        if let Some(cfg) = field.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
            errors.at(cfg, "a column cannot depend on `cfg`: the table must be the same on every client");
        }
        let ident = field.ident.clone()?;
        let renamed = attr::find_text(options, "name", errors);
        if let Some(name) = &renamed {
            errors.keep(names::check_name(name, "column name"));
        }
        let is_iso8601 = attr::has_flag(options, "iso8601", errors);
        if let (Some(option), true) = (attr::find(options, "default"), is_iso8601) {
            errors.at(&option.name, "an `iso8601` column has no default; put the time into the event");
        }
        Some(Self {
            name: renamed.map_or_else(|| names::unraw(&ident), |name| name.value()),
            field: ident,
            vis: field.vis.clone(),
            ty: field.ty.clone(),
            primary_key: attr::has_flag(options, "primary_key", errors),
            index: attr::has_flag(options, "index", errors),
            unique: attr::has_flag(options, "unique", errors),
            iso8601: attr::find(options, "iso8601").map(|option| option.name.span()),
            default: attr::find(options, "default").and_then(|option| errors.keep(DefaultConstant::new(option))),
            references: Reference::new(options, errors),
            check: attr::find_text(options, "check", errors),
        })
    }
}
