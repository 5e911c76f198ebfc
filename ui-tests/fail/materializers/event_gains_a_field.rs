use livestore::{event, materializers, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
    pub text: String,
}

#[schema(events(TodoCreated))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(TodoCreated { id }: TodoCreated) {
        drop(id);
    }
}

fn main() {}
