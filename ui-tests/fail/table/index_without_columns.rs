use livestore::table;

#[table("todos", index())]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
