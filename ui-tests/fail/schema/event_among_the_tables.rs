use livestore::{event, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[schema(tables(TodoCreated))]
pub struct App;

fn main() {}
