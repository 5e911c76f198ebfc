use livestore::table;

#[table("todos")]
#[derive(PartialEq, Debug)]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
