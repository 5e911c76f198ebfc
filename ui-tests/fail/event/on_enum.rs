use livestore::event;

#[event("v1.TodoEvent")]
pub enum TodoEvent {
    Created,
    Deleted,
}

fn main() {}
