use livestore::event;

#[event("v1.TodoCreated", client_only, client_only)]
pub struct TodoCreated {
    pub id: String,
}

fn main() {}
