use livestore::client_document;

#[client_document("uiState")]
#[derive(Default)]
pub struct UiState<T> {
    pub text: T,
}

fn main() {}
