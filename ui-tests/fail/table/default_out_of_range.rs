use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(default = 300)]
    pub priority: u8,
}

fn main() {}
