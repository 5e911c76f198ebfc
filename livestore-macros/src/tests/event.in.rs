#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
    pub text: String,
}
