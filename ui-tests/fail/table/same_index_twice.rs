use livestore::table;

#[table("todos", index(text))]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(index)]
    pub text: String,
}

fn main() {}
