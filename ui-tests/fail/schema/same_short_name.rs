use livestore::{materializers, schema};

mod todos {
    #[livestore::event("v1.TodoCreated")]
    pub struct Created;
}

mod lists {
    #[livestore::event("v1.ListCreated")]
    pub struct Created;
}

#[schema(events(todos::Created, lists::Created))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(_: todos::Created) {}

    fn list_created(_: lists::Created) {}
}

fn main() {}
