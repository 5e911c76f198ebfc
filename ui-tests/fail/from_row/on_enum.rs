use livestore::FromRow;

#[derive(FromRow)]
pub enum Pair {
    One,
}

fn main() {}
