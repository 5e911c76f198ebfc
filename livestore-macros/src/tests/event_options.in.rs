#[event("SelectionCleared", client_only, crate = some::where_else)]
#[deprecated]
#[serde(rename_all = "snake_case")]
#[derive(Eq)]
pub(crate) struct SelectionCleared;
