use livestore::event;

#[event("v1.TodoCreated")]
pub struct TodoCreated<T> {
    pub id: T,
}

fn main() {}
