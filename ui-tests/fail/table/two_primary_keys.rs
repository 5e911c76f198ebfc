use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(primary_key)]
    pub text: String,
}

fn main() {}
