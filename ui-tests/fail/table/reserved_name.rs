use livestore::table;

#[table("livestore_todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
