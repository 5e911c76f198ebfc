use livestore::client_document;

#[client_document("uiState")]
#[derive(Default, Clone, serde::Deserialize)]
pub struct UiState {
    pub text: String,
}

fn main() {}
