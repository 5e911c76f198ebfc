use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    #[column(name = "TEXT")]
    pub body: String,
}

fn main() {}
