use livestore::{Store, event, materializers, schema};

// One mistake, and one message: what uses the schema has nothing to add.
#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[schema(events(TodoCreated), tabels())]
pub struct App {}

#[materializers]
impl App {
    fn todo_created(_: TodoCreated) {}
}

pub fn commit(store: &Store<App>) {
    let _ = store.commit(TodoCreated { id: String::new() });
}

fn main() {}
