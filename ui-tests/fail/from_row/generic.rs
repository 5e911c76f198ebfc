use livestore::FromRow;

#[derive(FromRow)]
pub struct File<T> {
    pub size: T,
}

fn main() {}
