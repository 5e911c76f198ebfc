#[materializers]
impl App {
    /// The comment says nothing about what is written.
    fn todo_created(TodoCreated { id, text }: TodoCreated) -> impl IntoWrites {
        Todo { id, text }.insert()
    }

    #[cfg(feature = "toggle")]
    #[materializer(version = 2)]
    pub fn todo_toggled(event: todos::Toggled, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        toggle(event, cx)
    }
}
