//! Client documents: a keyed value with a default, set field by field.

use livestore::*;

#[client_document("uiState", id = "main")]
#[derive(Default)]
struct UiState {
    text: String,
    is_open: bool,
}

#[schema(documents(UiState))]
struct App;

#[test]
fn a_document_reads_as_its_default_and_keeps_what_was_not_set() {
    let store = Store::<App>::open(memory(), "documents").unwrap();
    assert_eq!(store.query(&UiState::get()).unwrap(), UiState::default());
    store.commit(UiState::set().text("milk".into())).unwrap();
    store.commit(UiState::set().is_open(true)).unwrap();
    assert_eq!(store.query(&UiState::get()).unwrap(), UiState { text: "milk".into(), is_open: true });
}
