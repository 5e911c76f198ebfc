use livestore::table;

#[table("todos", index(txet))]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
}

fn main() {}
