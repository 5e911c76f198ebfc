use livestore::client_document;

#[client_document("uiState")]
#[derive(Default)]
pub struct UiState(pub String);

fn main() {}
