use livestore::{Table, table};

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    pub completed: bool,
}

#[table("users")]
pub struct User {
    #[column(primary_key)]
    pub id: String,
}

fn main() {
    let _ = Todo::query().select(|_| User::COLUMNS.id);
}
