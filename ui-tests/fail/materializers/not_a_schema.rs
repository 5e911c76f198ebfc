use livestore::{event, materializers};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

pub struct App;

#[materializers]
impl App {
    fn todo_created(_: TodoCreated) {}
}

fn main() {}
