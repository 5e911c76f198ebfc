//! Who may connect, and what they may do.
//!
//! Secrets are in types that do not print them, and nothing here writes one to a log or an error.

mod bind;
mod origin;
mod pattern;
mod token;

pub use bind::{BindRefused, check_bind};
pub use origin::{Origin, OriginError, OriginRefused, OriginRules};
pub use pattern::{PatternError, StorePattern};
pub use token::Token;
