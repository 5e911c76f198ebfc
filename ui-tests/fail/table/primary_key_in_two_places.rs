use livestore::table;

#[table("todos", primary_key(id, text))]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
}

fn main() {}
