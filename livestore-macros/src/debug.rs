use proc_macro2::TokenStream;

/// Prints the expansion of the item that `LIVESTORE_MACROS_DEBUG` names.
pub(crate) fn show(name: &str, tokens: TokenStream) -> TokenStream {
    if std::env::var("LIVESTORE_MACROS_DEBUG").is_ok_and(|wanted| wanted == name) {
        #[expect(clippy::print_stderr, reason = "asked for by the environment, while compiling")]
        {
            eprintln!("{tokens}");
        }
    }
    tokens
}
