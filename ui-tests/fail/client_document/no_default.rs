use livestore::client_document;

#[client_document("uiState")]
pub struct UiState {
    pub text: String,
}

fn main() {}
