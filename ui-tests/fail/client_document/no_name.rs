use livestore::client_document;

#[client_document]
#[derive(Default)]
pub struct UiState {
    pub text: String,
}

fn main() {}
