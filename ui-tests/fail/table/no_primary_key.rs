use livestore::table;

#[table("todos")]
pub struct Todo {
    pub id: String,
    pub text: String,
}

fn main() {}
