use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: Option<Option<String>>,
}

fn main() {}
