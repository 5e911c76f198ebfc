use livestore::table;

#[table("todos")]
pub struct Todo;

fn main() {}
