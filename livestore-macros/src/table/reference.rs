use crate::attr::{self, Opt, OptValue};
use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, Ident, Member};

/// `references = Other.column, on_delete = cascade`
pub(super) struct Reference {
    pub(super) table: TokenStream,
    pub(super) column: Ident,
    pub(super) on_delete: Action,
}

/// What happens to the row when its target is deleted: a variant of `ForeignKeyAction`, and the word to blame.
pub(super) struct Action {
    pub(super) variant: &'static str,
    pub(super) place: Span,
}

impl Reference {
    pub(super) fn new(options: &[Opt], errors: &mut Errors) -> Option<Self> {
        let action = attr::find(options, "on_delete");
        let Some(option) = attr::find(options, "references") else {
            if let Some(action) = action {
                errors.at(&action.name, "`on_delete` belongs to `references`");
            }
            return None;
        };
        let on_delete = match action {
            Some(action) => errors.keep(Action::new(action))?,
            None => Action { variant: "Restrict", place: option.name.span() },
        };
        let (table, column) = errors.keep(target(option))?;
        Some(Self { table, column, on_delete })
    }
}

fn target(option: &Opt) -> syn::Result<(TokenStream, Ident)> {
    if let OptValue::Expr(Expr::Field(field)) = &option.value
        && let (Expr::Path(table), Member::Named(column)) = (&*field.base, &field.member)
    {
        return Ok((table.to_token_stream(), column.clone()));
    }
    Err(syn::Error::new(option.name.span(), "write `references = Other.column`"))
}

impl Action {
    fn new(option: &Opt) -> syn::Result<Self> {
        let word = option.expr()?;
        let variant = match word.to_token_stream().to_string().as_str() {
            "cascade" => "Cascade",
            "restrict" => "Restrict",
            "set_null" => "SetNull",
            _ => return Err(syn::Error::new_spanned(word, "expected one of: `cascade`, `restrict`, `set_null`")),
        };
        Ok(Self { variant, place: option.name.span() })
    }
}
