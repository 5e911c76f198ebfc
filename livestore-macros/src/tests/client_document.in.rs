#[client_document("uiState", id = "main")]
#[derive(Default)]
pub struct UiState {
    pub new_todo_text: String,
    #[serde(rename = "shown")]
    show_completed: bool,
}
