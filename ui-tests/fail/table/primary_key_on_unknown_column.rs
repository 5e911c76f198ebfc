use livestore::table;

#[table("todos", primary_key(di))]
pub struct Todo {
    pub id: String,
}

fn main() {}
