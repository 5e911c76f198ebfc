use livestore::client_document;

#[client_document("uiState")]
#[derive(Default)]
#[serde(rename_all = "snake_case")]
pub struct UiState {
    pub new_text: String,
}

fn main() {}
