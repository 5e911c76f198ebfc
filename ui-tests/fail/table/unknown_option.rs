use livestore::table;

#[table("todos", clientonly)]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
