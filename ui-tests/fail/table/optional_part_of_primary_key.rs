use livestore::table;

#[table("todos", primary_key(list, id))]
pub struct Todo {
    pub list: Option<String>,
    pub id: String,
}

fn main() {}
