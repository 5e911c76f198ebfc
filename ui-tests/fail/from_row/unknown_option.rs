use livestore::FromRow;

#[derive(FromRow)]
pub struct File {
    #[column(default = 0)]
    pub size: i64,
}

fn main() {}
