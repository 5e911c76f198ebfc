use livestore::event;

#[event("v1.TodoCreated")]
pub struct TodoCreated<'a> {
    pub id: &'a str,
}

fn main() {}
