use livestore::event;

#[event("v1.TodoCreated", clientonly)]
pub struct TodoCreated {
    pub id: String,
}

fn main() {}
