use livestore::schema;

pub struct TodoCreated {
    pub id: String,
}

#[schema(events(TodoCreated))]
pub struct App;

fn main() {}
