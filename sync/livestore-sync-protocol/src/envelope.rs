//! The RPC envelope: what one frame or one part of an HTTP body is.

mod cause;
mod client;
mod server;

pub use cause::Cause;
pub use client::{ClientEnvelope, Request};
pub use server::{Exit, ServerEnvelope};

use crate::DecodeError;
use crate::json::not_json;
use serde::Deserialize;

/// Reads one envelope or one part of it from JSON text.
fn read<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => DecodeError::malformed(what, error),
        _ => not_json(error),
    })
}

fn unknown(tag: Option<&str>) -> DecodeError {
    DecodeError::UnknownEnvelope { tag: crate::error::excerpt(tag.unwrap_or_default()) }
}

fn required<T>(what: &'static str, field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::malformed(what, format_args!("it has no `{field}`")))
}
