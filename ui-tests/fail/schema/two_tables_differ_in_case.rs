use livestore::{schema, table};

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    pub completed: bool,
}

#[table("Todos")]
pub struct Task {
    #[column(primary_key)]
    pub id: String,
}

#[schema(tables(Todo, Task))]
pub struct App;

fn main() {}
