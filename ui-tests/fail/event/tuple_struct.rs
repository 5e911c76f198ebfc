use livestore::event;

#[event("v1.TodoCreated")]
pub struct TodoCreated(pub String, pub String);

fn main() {}
