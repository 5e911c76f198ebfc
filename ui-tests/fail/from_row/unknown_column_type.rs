use livestore::FromRow;

#[derive(FromRow)]
pub struct File {
    pub size: u64,
}

fn main() {}
