use livestore::event;

// Three mistakes in one item: all are told at once.
#[event("", clientonly)]
#[derive(Clone)]
pub struct TodoCreated {
    pub id: String,
}

fn main() {}
