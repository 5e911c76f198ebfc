#[table("entries", client_only, primary_key(list, rank), index(rank, r#type), unique(list), check = "rank > 0")]
struct Entry {
    #[column(references = other::List.id, on_delete = cascade)]
    pub list: String,
    #[column(default = -1, index, check = "rank < 10")]
    rank: i64,
    #[column(name = "kind", default = Kind::Plain, unique)]
    pub(crate) r#type: Kind,
    #[column(iso8601)]
    at: Option<Timestamp>,
}
