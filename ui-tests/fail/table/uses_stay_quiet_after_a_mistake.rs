use livestore::{IntoWrites, Select, Table, event, materializers, schema, table};

// One mistake, and one message: what uses the table has nothing to add.
#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[table("todos", indx(text))]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
}

#[schema(events(TodoCreated), tables(Todo))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(event: TodoCreated) -> impl IntoWrites {
        Todo { id: event.id, text: String::new() }.insert()
    }
}

pub fn open() -> impl Select {
    Todo::query().filter(|t| t.text.eq("milk"))
}

fn main() {}
