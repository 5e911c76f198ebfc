//! Payloads that every client reads back the same.
//!
//! `serde_json` writes NaN as `null`, and a JavaScript client reads an integer past ±2^53 as another number. Both are
//! refused here, by one walk over the payload that writes nothing.

use super::{Event, EventDef};
use crate::error::EncodeError;
use serde::Serialize;
use serde::ser::{self, Serializer};
use std::fmt;

/// The largest integer magnitude that a JavaScript client reads exactly.
const SAFE_INTEGER_MAX: u64 = 1 << 53;

/// Encodes an event's payload, after checking that it is faithful.
pub(crate) fn encode_payload<E: Event>(event: &E) -> Result<Option<Box<str>>, EncodeError> {
    if E::DEF.unit {
        return Ok(None);
    }
    encode_value(E::DEF, event).map(|json| Some(json.into_boxed_str()))
}

/// Reads an event's payload. A unit event is read from anything; a struct without args from `{}`, so that one whose fields
/// are all optional or defaulted can be read from a client that sends none.
pub(crate) fn decode_payload<E: Event>(args: Option<&str>) -> serde_json::Result<E> {
    let args = match args {
        _ if E::DEF.unit => "null",
        None | Some("null") => "{}",
        Some(args) => args,
    };
    serde_json::from_str(args)
}

/// Checks that a value is faithful; the message says where it is not.
pub(crate) fn check_faithful(value: &impl Serialize, integers_are_safe: bool) -> Result<(), String> {
    value.serialize(Walk { integers_are_safe }).map_err(|unfaithful| unfaithful.0)
}

fn encode_value(def: &EventDef, value: &impl Serialize) -> Result<String, EncodeError> {
    let fail = |message: String| EncodeError { event: def.name.to_owned(), message };
    check_faithful(value, !def.client_only).map_err(fail)?;
    serde_json::to_string(value).map_err(|error| fail(error.to_string()))
}

#[derive(Clone, Copy)]
struct Walk {
    integers_are_safe: bool,
}

/// The message, built from the inside out: each field puts its name before it.
#[derive(Debug)]
struct Unfaithful(String);

impl fmt::Display for Unfaithful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfaithful {}

impl ser::Error for Unfaithful {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Checked = Result<(), Unfaithful>;

impl Walk {
    fn unsigned(self, value: u128) -> Checked {
        if self.integers_are_safe && value > u128::from(SAFE_INTEGER_MAX) {
            return Err(Unfaithful(format!(
                "integer {value} is beyond 2^53, which JavaScript clients round; encode it as text"
            )));
        }
        Ok(())
    }

    fn float(self, value: f64) -> Checked {
        if value.is_finite() {
            return Ok(());
        }
        Err(Unfaithful(format!("{value} has no JSON form; use an `Option`, or encode it as text")))
    }

    fn field<T: ?Sized + Serialize>(self, name: &str, value: &T) -> Checked {
        value.serialize(self).map_err(|inner| Unfaithful(format!("{name}: {}", inner.0)))
    }
}

macro_rules! harmless {
    ($($name:ident($($type:ty)?)),* $(,)?) => {$(
        fn $name(self, $(_: $type)?) -> Checked {
            Ok(())
        }
    )*};
}

macro_rules! integers {
    ($($name:ident: $int:ty, $magnitude:expr;)*) => {$(
        fn $name(self, value: $int) -> Checked {
            self.unsigned($magnitude(value))
        }
    )*};
}

impl Serializer for Walk {
    type Ok = ();
    type Error = Unfaithful;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    harmless! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_u8(u8),
        serialize_u16(u16), serialize_u32(u32), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_none(), serialize_unit(), serialize_unit_struct(&'static str),
    }

    integers! {
        serialize_i64: i64, |value: i64| u128::from(value.unsigned_abs());
        serialize_u64: u64, u128::from;
        serialize_i128: i128, |value: i128| value.unsigned_abs();
        serialize_u128: u128, |value| value;
    }

    fn serialize_f32(self, value: f32) -> Checked {
        self.float(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Checked {
        self.float(value)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Checked {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Checked {
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Checked {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Checked {
        self.field(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Unfaithful> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unfaithful> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unfaithful> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Unfaithful> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unfaithful> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unfaithful> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Unfaithful> {
        Ok(self)
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for Walk {
            type Ok = ();
            type Error = Unfaithful;

            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Checked {
                value.serialize(*self)
            }

            fn end(self) -> Checked {
                Ok(())
            }
        }
    )*};
}

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Walk {
            type Ok = ();
            type Error = Unfaithful;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Checked {
                self.field(name, value)
            }

            fn end(self) -> Checked {
                Ok(())
            }
        }
    )*};
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);
fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Walk {
    type Ok = ();
    type Error = Unfaithful;

    /// Keys become text, whatever their type.
    fn serialize_key<T: ?Sized + Serialize>(&mut self, _: &T) -> Checked {
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Checked {
        value.serialize(*self)
    }

    fn end(self) -> Checked {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: impl Serialize, client_only: bool) -> String {
        let def = EventDef { name: "v1.E", client_only, derived: false, deprecated: false, unit: false, shape: 0 };
        match encode_value(&def, &value) {
            Ok(json) => json,
            Err(error) => error.message,
        }
    }

    #[derive(Serialize)]
    struct Outer {
        inner: Vec<Option<f64>>,
    }

    #[test]
    fn numbers_that_do_not_travel_are_named() {
        assert_eq!(check(1_u64 << 53, false), "9007199254740992");
        assert!(check((1_u64 << 53) + 1, false).contains("9007199254740993 is beyond"));
        assert!(check(i64::MIN, false).contains("beyond"));
        assert_eq!(check(i64::MIN, true), "-9223372036854775808");
        assert_eq!(check(Outer { inner: vec![Some(1.5), None] }, false), r#"{"inner":[1.5,null]}"#);
        let nan = check(Outer { inner: vec![Some(f64::NAN)] }, true);
        assert!(nan.starts_with("inner: NaN has no JSON form"), "{nan}");
    }
}
