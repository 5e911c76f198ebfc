#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::livestore::__private::serde::Serialize,
    ::livestore::__private::serde::Deserialize
)]
#[serde(crate = "::livestore::__private::serde", rename_all = "camelCase")]
pub struct TodoCreated {
    pub id: String,
    pub text: String,
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Event for TodoCreated {
    const DEF: &'static ::livestore::__private::EventDef = &::livestore::__private::EventDef {
        name: "v1.TodoCreated",
        client_only: false,
        derived: false,
        deprecated: false,
        unit: false,
        shape: 12082647749445821601u64,
    };
}
