use livestore::schema;

#[schema(events(Vec<String>))]
pub struct App;

fn main() {}
