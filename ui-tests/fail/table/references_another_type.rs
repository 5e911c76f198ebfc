use livestore::table;

#[table("lists")]
pub struct List {
    #[column(primary_key)]
    pub id: i64,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = List.id)]
    pub list: String,
}

fn main() {}
