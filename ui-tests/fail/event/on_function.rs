use livestore::event;

#[event("v1.TodoCreated")]
fn todo_created() {}

fn main() {}
