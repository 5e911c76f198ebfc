use livestore::{client_document, event, materializers, schema};

#[event("v1.ViewSet")]
pub struct Changed {
    pub id: String,
}

#[client_document("view")]
#[derive(Default)]
pub struct View {
    pub text: String,
}

mod events {
    pub use super::Changed as ViewSet;
}

#[schema(events(events::ViewSet), documents(View))]
pub struct App;

#[materializers]
impl App {
    fn changed(_: Changed) {}
}

fn main() {}
