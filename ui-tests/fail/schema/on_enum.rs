use livestore::schema;

#[schema()]
pub enum App {}

fn main() {}
