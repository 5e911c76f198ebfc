#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::livestore::__private::serde::Serialize,
    ::livestore::__private::serde::Deserialize
)]
#[serde(crate = "::livestore::__private::serde", rename_all = "camelCase")]
#[derive(Default)]
pub struct UiState {
    pub new_todo_text: String,
    #[serde(rename = "shown")]
    show_completed: bool,
}
///Sets fields of the client document `uiState`; made by `UiState::set()`.
#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::livestore::__private::serde::Serialize,
    ::livestore::__private::serde::Deserialize
)]
#[serde(crate = "::livestore::__private::serde", transparent)]
pub struct UiStateSet(::livestore::__private::DocumentSet);
#[allow(
    clippy::wrong_self_convention,
    clippy::should_implement_trait,
    clippy::new_ret_no_self
)]
impl UiStateSet {
    ///Sets `new_todo_text`.
    #[must_use]
    #[allow(dead_code)]
    pub fn new_todo_text(mut self, value: String) -> Self {
        self.0.__put("newTodoText", &value);
        self
    }
    ///Sets `show_completed`.
    #[must_use]
    #[allow(dead_code)]
    fn show_completed(mut self, value: bool) -> Self {
        self.0.__put("shown", &value);
        self
    }
}
#[automatically_derived]
impl ::livestore::Event for UiStateSet {
    const DEF: &'static ::livestore::__private::EventDef = &::livestore::__private::EventDef {
        name: "uiStateSet",
        client_only: true,
        derived: true,
        deprecated: false,
        unit: false,
        shape: 0,
    };
}
#[automatically_derived]
impl ::livestore::__private::DocumentEvent for UiStateSet {
    fn __new(set: ::livestore::__private::DocumentSet) -> Self {
        Self(set)
    }
    fn __set(&self) -> &::livestore::__private::DocumentSet {
        &self.0
    }
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::ClientDocument for UiState {
    type Set = UiStateSet;
    const ID: ::livestore::__private::Option<&'static str> = ::livestore::__private::Some(
        "main",
    );
    const DEF: &'static ::livestore::__private::DocumentDef = &::livestore::__private::DocumentDef {
        table: &::livestore::__private::TableDef {
            name: "uiState",
            columns: &::livestore::__private::DOCUMENT_COLUMNS,
            primary_key: &["id"],
            indexes: &[],
            checks: &[],
            client_only: true,
        },
        set_event: <UiStateSet as ::livestore::Event>::DEF,
    };
}
