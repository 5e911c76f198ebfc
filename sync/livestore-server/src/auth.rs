//! Who may connect, and what they may do.
//!
//! A transport reads the handshake into a [`ConnectInfo`] and asks the [`Gate`], which asks the hooks: an [`Authenticator`] who it is,
//! an [`Authorizer`] what they may, an [`EventValidator`] whether an event may go into the log. The [`Pass`] that it gives out says
//! when to ask again. Included are [`TokenFile`], [`JwtAuth`] and [`FirstOf`] several; [`check_bind`] keeps a server without any to its own machine, and
//! [`OriginRules`] keep strange web pages out.
//!
//! Secrets are in types that do not print them, and nothing here writes one to a log or an error.

mod bind;
mod connect;
mod first;
mod gate;
mod hooks;
mod jwt;
mod origin;
mod pattern;
mod principal;
mod token;
mod tokens;
mod watched;

pub use bind::{BindRefused, check_bind};
pub use connect::{ConnectInfo, RequestHeaders};
pub use first::FirstOf;
pub use gate::{Gate, Pass, RejectedEvent};
pub use hooks::{Authenticator, Authorizer, EventValidator, EventVerdict, HookFuture, Refusal};
pub use jwt::{JwtAuth, JwtFileError, JwtKeyError, JwtKeys};
pub use origin::{Origin, OriginError, OriginRefused, OriginRules};
pub use pattern::{PatternError, StorePattern};
pub use principal::{Access, Operation, Principal};
pub use token::Token;
pub use tokens::{TokenFile, TokenFileError, TokenLineError};
