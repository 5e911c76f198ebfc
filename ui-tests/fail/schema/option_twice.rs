use livestore::{schema, table};

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    pub completed: bool,
}

#[schema(tables(Todo), tables(Todo))]
pub struct App;

fn main() {}
