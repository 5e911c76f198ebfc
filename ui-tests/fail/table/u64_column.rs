use livestore::table;

#[table("files")]
pub struct File {
    #[column(primary_key)]
    pub id: String,
    pub size: u64,
}

fn main() {}
