use livestore::client_document;

#[client_document("uiState")]
#[derive(Default)]
pub enum UiState {
    #[default]
    Closed,
}

fn main() {}
