use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key = true)]
    pub id: String,
}

fn main() {}
