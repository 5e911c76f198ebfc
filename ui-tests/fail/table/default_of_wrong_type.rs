use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(default = "no")]
    pub completed: bool,
}

fn main() {}
