use livestore::event;

#[event("v1.TodoCreated")]
#[derive(Clone, Eq, serde::Serialize)]
pub struct TodoCreated {
    pub id: String,
}

fn main() {}
