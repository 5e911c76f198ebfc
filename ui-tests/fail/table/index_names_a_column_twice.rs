use livestore::table;

#[table("todos", index(text, text))]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
}

fn main() {}
