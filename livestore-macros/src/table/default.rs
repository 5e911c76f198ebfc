use crate::attr::Opt;
use crate::names;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Lit, Type};

/// What `default = …` says. The kind of constant decides which columns take it.
pub(super) struct DefaultConstant {
    kind: Kind,
    /// As the user wrote it.
    tokens: TokenStream,
    place: Span,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Boolean,
    Integer,
    Float,
    Blob,
    /// A constant of the column's own type: a variant of an enum.
    Own,
}

impl DefaultConstant {
    pub(super) fn new(option: &Opt) -> syn::Result<Self> {
        let expr = option.expr()?;
        let kind = match literal(expr) {
            Some(Lit::Str(_)) => Kind::Text,
            Some(Lit::Bool(_)) => Kind::Boolean,
            Some(Lit::Int(_)) => Kind::Integer,
            Some(Lit::Float(_)) => Kind::Float,
            Some(Lit::ByteStr(_)) => Kind::Blob,
            None if matches!(expr, Expr::Path(_)) => Kind::Own,
            _ => {
                let message = "a default is a constant: a literal, or a variant of an enum column; anything else belongs \
                               into the event";
                return Err(syn::Error::new_spanned(expr, message));
            }
        };
        Ok(Self { kind, tokens: expr.to_token_stream(), place: expr.span() })
    }

    /// `ConstValue::Text("")`
    pub(super) fn expand(&self, private: &TokenStream) -> TokenStream {
        let tokens = &self.tokens;
        match self.kind {
            Kind::Text => quote!(#private::ConstValue::Text(#tokens)),
            Kind::Boolean => quote!(#private::ConstValue::Integer(#tokens as i64)),
            Kind::Integer => quote!(#private::ConstValue::Integer(#tokens)),
            Kind::Float => quote!(#private::ConstValue::Real(#tokens)),
            Kind::Blob => quote!(#private::ConstValue::Blob(#tokens)),
            Kind::Own => quote!((#tokens).__livestore_const()),
        }
    }

    /// That the column takes it.
    pub(super) fn check(&self, ty: &Type, krate: &TokenStream) -> TokenStream {
        let (place, tokens) = (self.place, &self.tokens);
        let (word, test) = match self.kind {
            Kind::Text => ("text", quote!(text())),
            Kind::Boolean => ("boolean", quote!(boolean())),
            Kind::Integer => ("integer", quote!(integer(#tokens))),
            Kind::Float => ("float", quote!(float())),
            Kind::Blob => ("blob", quote!(blob())),
            Kind::Own => {
                // A type that is not the column's is rustc's to tell.
                return quote_spanned!(place=> const _: &<#ty as #krate::ColumnValue>::Base = &#tokens;);
            }
        };
        let shown = names::shown(ty);
        let text = tokens.to_string().replace("- ", "-");
        let message = names::assertion(&format!("a `{shown}` column cannot have the {word} default `{text}`"));
        quote_spanned!(place=> const _: () = ::core::assert!(<#ty as #krate::ColumnValue>::__DEFAULT.#test, #message);)
    }
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
