use livestore::{event, materializers, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[schema(events(TodoCreated))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(_: TodoCreated) {}

    fn todo_removed(_: TodoRemoved) {}
}

fn main() {}
