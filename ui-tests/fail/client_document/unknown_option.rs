use livestore::client_document;

#[client_document("uiState", key = "main")]
#[derive(Default)]
pub struct UiState {
    pub text: String,
}

fn main() {}
