#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    some::where_else::__private::serde::Serialize,
    some::where_else::__private::serde::Deserialize
)]
#[serde(crate = "some::where_else::__private::serde")]
#[deprecated]
#[serde(rename_all = "snake_case")]
#[derive(Eq)]
pub(crate) struct SelectionCleared;
#[allow(deprecated)]
#[automatically_derived]
impl some::where_else::Event for SelectionCleared {
    const DEF: &'static some::where_else::__private::EventDef = &some::where_else::__private::EventDef {
        name: "SelectionCleared",
        client_only: true,
        derived: false,
        deprecated: true,
        unit: true,
        shape: 11073135161223583097u64,
    };
}
