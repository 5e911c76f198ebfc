use livestore::{client_document, event, materializers, schema};

#[event("uiStateSet")]
pub struct Cleared {
    pub id: String,
}

#[client_document("uiState")]
#[derive(Default)]
pub struct UiState {
    pub text: String,
}

#[schema(events(Cleared), documents(UiState))]
pub struct App;

#[materializers]
impl App {
    fn cleared(_: Cleared) {}
}

fn main() {}
