//! Client documents: a keyed JSON value with a default, client-only, last write wins per field.
