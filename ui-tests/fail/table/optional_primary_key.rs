use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: Option<String>,
    pub text: String,
}

fn main() {}
