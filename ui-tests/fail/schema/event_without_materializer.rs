use livestore::{event, materializers, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[event("v1.TodoDeleted")]
pub struct TodoDeleted {
    pub id: String,
}

#[schema(events(TodoCreated, TodoDeleted))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(_: TodoCreated) {}
}

fn main() {}
