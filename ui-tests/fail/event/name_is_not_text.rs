use livestore::event;

#[event(TodoCreated)]
pub struct TodoCreated {
    pub id: String,
}

fn main() {}
