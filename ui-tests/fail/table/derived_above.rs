use livestore::table;

#[derive(Clone)]
#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
