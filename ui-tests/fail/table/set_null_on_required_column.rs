use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = Todo.id, on_delete = set_null)]
    pub parent: String,
}

fn main() {}
