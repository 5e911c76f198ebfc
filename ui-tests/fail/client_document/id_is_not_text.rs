use livestore::client_document;

#[client_document("uiState", id = 1)]
#[derive(Default)]
pub struct UiState {
    pub text: String,
}

fn main() {}
