use livestore::event;

#[event("")]
pub struct TodoCreated {
    pub id: String,
}

fn main() {}
