use livestore::schema;

#[schema()]
pub struct App {
    pub name: String,
}

fn main() {}
