use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(default)]
    pub priority: i64,
}

fn main() {}
