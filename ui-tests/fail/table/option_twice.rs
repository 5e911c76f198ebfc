use livestore::table;

#[table("todos", client_only, client_only)]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
