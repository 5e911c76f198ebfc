use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(on_delete = cascade)]
    pub parent: String,
}

fn main() {}
