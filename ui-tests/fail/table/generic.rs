use livestore::table;

#[table("todos")]
pub struct Todo<T> {
    #[column(primary_key)]
    pub id: T,
}

fn main() {}
