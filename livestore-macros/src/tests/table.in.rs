#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    /// What is to be done.
    pub text: Option<String>,
}
