//! What generated code calls, so that expansions stay short.

use crate::document::{ClientDocument, DocumentEvent, materialize_document};
use crate::error::{EncodeError, Error, Result};
use crate::event::{Event, decode_payload, encode_payload};
use crate::ids::SessionId;
use crate::query::Column;
use crate::schema::{Materialize, MaterializeCx, Writes};
use crate::value::{ColumnType, ColumnValue, Json, SqlType, SqlValue, Timestamp, ValueError, ValueRef};

/// One event of a schema with its materializer.
#[derive(Debug)]
pub struct Entry<E> {
    pub version: u64,
    pub run: fn(E, &MaterializeCx<'_>) -> Result<Writes>,
}

pub const fn entry<S, E: Materialize<S>>() -> Entry<E> {
    Entry { version: E::VERSION, run: E::materialize }
}

pub const fn document_entry<D: ClientDocument>() -> Entry<D::Set> {
    Entry { version: 1, run: materialize_document::<D> }
}

pub fn encode_event<E: Event>(event: &E) -> Result<Option<Box<str>>, EncodeError> {
    encode_payload(event)
}

pub fn encode_document<E: Event + DocumentEvent>(
    event: &E,
    session: &SessionId,
) -> Result<Option<Box<str>>, EncodeError> {
    crate::document::encode_document(event, session)
}

pub fn decode_event<E: Event>(args: Option<&str>) -> Result<E> {
    decode_payload(args).map_err(|error| Error::new(format!("the args do not decode: {error}")))
}

/// Whether no earlier name in the list is the same. Hashes first: they make a long list cheap to check.
pub const fn is_first(names: &[&str], index: usize) -> bool {
    let hash = name_hash(names[index]);
    let mut earlier = 0;
    while earlier < index {
        if name_hash(names[earlier]) == hash && is_same(names[earlier].as_bytes(), names[index].as_bytes()) {
            return false;
        }
        earlier += 1;
    }
    true
}

const fn name_hash(name: &str) -> u64 {
    let bytes = name.as_bytes();
    // Length and both ends tell most names apart, and cost the same for every name.
    let len = bytes.len();
    let (first, last) = if len == 0 { (0, 0) } else { (bytes[len / 2], bytes[len - 1]) };
    ((len as u64) << 16) | ((first as u64) << 8) | last as u64
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

pub fn iso8601(value: SqlValue) -> Result<SqlValue, ValueError> {
    value.into_iso8601()
}

pub const fn text(ty: ColumnType) -> ColumnType {
    ColumnType { sql: SqlType::Text, nullable: ty.nullable }
}

pub const fn assert_timestamp<V: ColumnValue<Base = Timestamp>>() {}

pub const fn assert_same_base<V: ColumnValue, T, W: ColumnValue<Base = V::Base>>(_: &Column<T, W>) {}

pub const fn assert_takes<V: TakesDefault<Kind>, Kind>() {}

pub const fn assert_takes_value<V: TakesDefault<Kind>, Kind>(_: &Kind) {}

/// Which kind of constant a column type takes as its default.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` column cannot have this default",
    label = "a default of kind `{Kind}`"
)]
pub trait TakesDefault<Kind> {}

macro_rules! takes_default {
    ($($kind:ident: $($ty:ty)*;)*) => {$(
        #[derive(Debug)]
        pub struct $kind;
        $(impl TakesDefault<$kind> for $ty {})*
    )*};
}

takes_default! {
    TextDefault: String;
    BoolDefault: bool;
    IntegerDefault: i8 i16 i32 i64 u8 u16 u32 Timestamp;
    RealDefault: f32 f64;
    BlobDefault: Vec<u8>;
}

impl<T> TakesDefault<TextDefault> for Json<T> {}
impl<V: TakesDefault<Kind>, Kind> TakesDefault<Kind> for Option<V> {}

pub fn enum_text<'a>(value: ValueRef<'a>, name: &str, expected: &str) -> Result<&'a str, ValueError> {
    match value {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| not_a_variant(value, name, expected)),
        _ => Err(not_a_variant(value, name, expected)),
    }
}

pub fn unknown_variant<T>(value: ValueRef<'_>, name: &str, expected: &str) -> Result<T, ValueError> {
    Err(not_a_variant(value, name, expected))
}

fn not_a_variant(value: ValueRef<'_>, name: &str, expected: &str) -> ValueError {
    ValueError::unexpected(&format!("a `{name}` (one of {expected})"), value)
}
