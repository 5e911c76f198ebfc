use livestore::{ClientDocument, client_document};

#[client_document("uiState")]
#[derive(Default)]
pub struct UiState {
    pub is_open: bool,
}

fn main() {
    let _ = UiState::set().is_opne(true);
}
