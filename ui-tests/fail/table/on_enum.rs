use livestore::table;

#[table("todos")]
pub enum Todo {
    Open,
    Done,
}

fn main() {}
