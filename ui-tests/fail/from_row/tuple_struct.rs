use livestore::FromRow;

#[derive(FromRow)]
pub struct Pair(pub String, pub i64);

fn main() {}
