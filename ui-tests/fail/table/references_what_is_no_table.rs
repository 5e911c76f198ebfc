use livestore::table;

pub struct List {
    pub id: String,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = List.id)]
    pub list: String,
}

fn main() {}
