use livestore::{event, materializers, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[event("v1.TodoCreated")]
pub struct TodoCreatedV2 {
    pub id: String,
}

#[schema(events(TodoCreated, TodoCreatedV2))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(_: TodoCreated) {}

    fn todo_created_v2(_: TodoCreatedV2) {}
}

fn main() {}
