use livestore::event;

#[event("v1.TodoCreated", client_only = true)]
pub struct TodoCreated {
    pub id: String,
}

fn main() {}
