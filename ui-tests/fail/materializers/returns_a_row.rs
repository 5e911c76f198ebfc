use livestore::{event, materializers, schema, table};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    pub completed: bool,
}

#[schema(events(TodoCreated), tables(Todo))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(event: TodoCreated) -> Todo {
        Todo { id: event.id, text: String::new(), completed: false }
    }
}

fn main() {}
