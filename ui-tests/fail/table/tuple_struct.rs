use livestore::table;

#[table("todos")]
pub struct Todo(pub String, pub bool);

fn main() {}
