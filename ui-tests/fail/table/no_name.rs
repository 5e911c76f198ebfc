use livestore::table;

#[table]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
