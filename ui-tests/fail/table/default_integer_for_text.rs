use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(default = 1)]
    pub text: String,
}

fn main() {}
