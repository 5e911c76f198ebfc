use livestore::{client_document, schema, table};

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    pub completed: bool,
}

#[client_document("todos")]
#[derive(Default)]
pub struct UiState {
    pub text: String,
}

#[schema(tables(Todo), documents(UiState))]
pub struct App;

fn main() {}
