#[schema(events(TodoCreated, todos::Created as OtherCreated), tables(Todo), documents(UiState))]
pub struct App;
