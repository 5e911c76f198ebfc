use livestore::{Table, table};

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    pub completed: bool,
}

fn main() {
    let _ = Todo::query().filter(|t| t.completed);
}
