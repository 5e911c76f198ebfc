use livestore::{event, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[schema(events(TodoCreated))]
pub struct App;

fn main() {}
